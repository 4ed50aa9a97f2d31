// The scraper and answers that take their time.
#include "scrape/scraper.h"

#include "integration/scrape/fake_server.h"
#include "net/io_pool.h"
#include "unit/net/events.h"
#include "unit/scrape/scraping.h"

#include <epp/keys.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

using testing::Events;
using testing::eventually;
using testing::FakeModelServer;

class ScraperAnswers : public ::testing::Test {
 protected:
  using Exchange = std::shared_ptr<net::HttpExchange>;

  void SetUp() override {
    server.act([this](const Exchange& exchange) { asked.push(exchange); });
    table.upsert(server.spec("a"));
    ScraperOptions options;
    options.poll_timeout = testing::kPatience;
    scraper = std::make_unique<Scraper>(pool, table, std::vector{metrics_source(attributes)}, &errors, options);
    scraper->start();
  }
  void TearDown() override { scraper->stop(); }

  static std::int64_t now_ns() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  // Of the one endpoint, as published.
  std::int64_t published(std::string_view key) const {
    const auto snapshot = table.snapshot();
    return snapshot->i64(attributes.find(key))[snapshot->find("default/a")->slot()];
  }

  net::IoPool pool{2};
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  PollErrors errors;
  Events<Exchange> asked;
  FakeModelServer server{pool};
  std::unique_ptr<Scraper> scraper;
};

// Between these two the server looked at itself: what came after the first may not be in the reading.
TEST_F(ScraperAnswers, AReadingTellsWhenItWasAskedForAndWhenItCame) {
  const auto exchange = asked.next();
  ASSERT_TRUE(exchange);
  const std::int64_t answered = now_ns();
  net::HttpResponse response;
  response.body = FakeModelServer::page(7);
  (*exchange)->respond(std::move(response));
  ASSERT_TRUE(eventually([&] { return published(EPP_KEY_UPDATE_TIME) != EPP_I64_MISSING; }));
  EXPECT_LE(published(endpoints::kAskedTimeKey), answered);
  EXPECT_GE(published(EPP_KEY_UPDATE_TIME), answered);
}

TEST_F(ScraperAnswers, ARedirectFromWhereTheEndpointIsNoMoreIsNotFollowed) {
  const auto exchange = asked.next();
  ASSERT_TRUE(exchange);
  auto spec = server.spec("a");
  spec.metrics_host = "nowhere";
  table.upsert(std::move(spec));
  net::HttpResponse response;
  response.status = 302;
  response.headers.add("Location", "/metrics");
  (*exchange)->respond(std::move(response));
  ASSERT_TRUE(eventually([&] { return !errors.texts().empty(); }));
  EXPECT_EQ(errors.texts().front(), "metrics host \"nowhere\" is not host:port");
  EXPECT_EQ(server.hits, 1);
}

}  // namespace
}  // namespace epp::scrape
