// The scraper against real sockets.
#include "scrape/scraper.h"

#include "integration/scrape/fake_server.h"
#include "net/io_pool.h"
#include "scrape/core_metrics.h"
#include "unit/net/events.h"

#include <epp/keys.h>

#include <chrono>
#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::FakeModelServer;
using Clock = std::chrono::steady_clock;

class Counters : public ScrapeObserver {
 public:
  void on_poll_error(std::string_view source, const endpoints::Endpoint& endpoint, std::string_view text) override {
    std::lock_guard lock(mutex_);
    ++poll_errors_[std::string(source) + "@" + endpoint.spec().name];
    last_ = std::string(text);
  }
  void on_extract_error(std::string_view source, std::string_view extractor, const endpoints::Endpoint&,
                        std::string_view) override {
    std::lock_guard lock(mutex_);
    ++extract_errors_[std::string(source) + "/" + std::string(extractor)];
  }
  void on_polled(std::string_view, const endpoints::Endpoint&) override { ++polled; }

  int poll_errors(const std::string& endpoint) const {
    std::lock_guard lock(mutex_);
    const auto found = poll_errors_.find("metrics-data-source@" + endpoint);
    return found == poll_errors_.end() ? 0 : found->second;
  }
  int extract_errors() const {
    std::lock_guard lock(mutex_);
    const auto found = extract_errors_.find("metrics-data-source/core-metrics-extractor");
    return found == extract_errors_.end() ? 0 : found->second;
  }
  std::string last() const {
    std::lock_guard lock(mutex_);
    return last_;
  }
  std::atomic<int> polled{0};

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> poll_errors_;
  std::map<std::string, int> extract_errors_;
  std::string last_;
};

class ScraperTest : public ::testing::Test {
 protected:
  ScrapeSource source(const std::string& parameters = "", const std::string& extractor_parameters = "") {
    ScrapeSource made;
    made.type = std::string(kMetricsDataSource);
    made.name = made.type;
    made.parameters = parse_data_source_parameters(made.type, parameters);
    made.extractors.push_back(
        std::make_shared<CoreMetricsExtractor>(parse_core_metrics_parameters(extractor_parameters), attributes));
    return made;
  }

  void start(std::vector<ScrapeSource> sources = {}, ScraperOptions options = {}) {
    if (sources.empty()) sources.push_back(source());
    scraper = std::make_unique<Scraper>(pool, table, std::move(sources), &counters, options);
    scraper->start();
  }

  // The published value of an endpoint; NaN when missing.
  double number(const std::string& name, const char* key) const {
    const auto snapshot = table.snapshot();
    const auto* endpoint = snapshot->find("default/" + name);
    return endpoint ? snapshot->f64(attributes.find(key))[endpoint->slot()] : std::nan("");
  }
  double waiting(const std::string& name) const { return number(name, EPP_KEY_WAITING_QUEUE_SIZE); }
  std::int64_t update_time(const std::string& name) const {
    const auto snapshot = table.snapshot();
    return snapshot->i64(attributes.find(EPP_KEY_UPDATE_TIME))[snapshot->find("default/" + name)->slot()];
  }

  net::IoPool pool{2};
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  Counters counters;
  std::unique_ptr<Scraper> scraper;
};

class DatalayerCheck : public ScraperTest {};
class DatalayerWeakSpot : public ScraperTest {};

TEST_F(DatalayerCheck, C06_TheDefaultIsTwentyPollsASecond) {
  FakeModelServer server(pool);
  server.queue(1);
  table.upsert(server.spec("a"));
  const auto began = Clock::now();
  start();
  ASSERT_TRUE(eventually([&] { return server.hits >= 41; }));
  const auto took = Clock::now() - began;
  EXPECT_GE(took, milliseconds(1800)) << "never faster than every 50 ms";
  EXPECT_LE(took, milliseconds(3000));
}

TEST_F(DatalayerCheck, C07_ShorterIntervalsAreRaised) {
  FakeModelServer server(pool);
  server.queue(1);
  table.upsert(server.spec("a"));
  const auto began = Clock::now();
  ScraperOptions options;
  options.refresh_interval = milliseconds(10);
  start({}, options);
  ASSERT_TRUE(eventually([&] { return server.hits >= 11; }));
  EXPECT_GE(Clock::now() - began, milliseconds(430));
}

TEST_F(DatalayerCheck, C09_WhatAServerSaysIsPublished) {
  FakeModelServer server(pool);
  server.queue(3);
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return waiting("a") == 3; }));
  EXPECT_EQ(number("a", EPP_KEY_RUNNING_REQUESTS_SIZE), 2);
  EXPECT_EQ(number("a", EPP_KEY_KV_CACHE_USAGE), 0.5);
  server.queue(4);
  EXPECT_TRUE(eventually([&] { return waiting("a") == 4; }));
}

TEST_F(DatalayerCheck, C11_APageWithoutFinalNewlineCountsAsPollErrorAndGoesStale) {
  FakeModelServer server(pool);
  server.queue(3);
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return waiting("a") == 3; }));
  server.serve(FakeModelServer::page(9) + "last 1");
  ASSERT_TRUE(eventually([&] { return counters.poll_errors("a") > 0; }));
  const std::int64_t stale = update_time("a");
  ASSERT_TRUE(eventually([&] { return counters.poll_errors("a") > 3; }));
  EXPECT_EQ(waiting("a"), 3) << "the old value stays";
  EXPECT_EQ(update_time("a"), stale) << "and is not refreshed";
}

TEST_F(DatalayerCheck, C12_AnyOtherStatusCountsAsPollError) {
  for (const unsigned status : {204u, 503u}) {
    FakeModelServer server(pool);
    server.serve("", status);
    const std::string name = "s" + std::to_string(status);
    table.upsert(server.spec(name));
    if (!scraper) start();
    ASSERT_TRUE(eventually([&] { return counters.poll_errors(name) > 1; }));
    EXPECT_EQ(counters.last(), "unexpected status code: " + std::to_string(status));
    table.remove("default/" + name);
  }
}

TEST_F(DatalayerCheck, C16_ABadMaxLoraIsCountedAndQueueDataStillUpdates) {
  FakeModelServer server(pool);
  const std::string lora =
      "# TYPE vllm:lora_requests_info gauge\nvllm:lora_requests_info{running_lora_adapters=\"a\",max_lora=\"x\"} 1\n";
  server.serve(FakeModelServer::page(3) + lora);
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return counters.extract_errors() > 2; }))
      << "counted each time, also when nothing changed";
  EXPECT_EQ(waiting("a"), 3);
  EXPECT_EQ(counters.poll_errors("a"), 0);
}

TEST_F(DatalayerWeakSpot, W07_AnEndpointIsPolledAtOnce) {
  FakeModelServer server(pool);
  server.queue(5);
  ScraperOptions options;
  options.refresh_interval = seconds(600);
  start({}, options);
  table.upsert(server.spec("a"));
  ASSERT_TRUE(eventually([&] { return waiting("a") == 5; })) << "long before the first tick";
  EXPECT_EQ(server.hits, 1);
}

TEST_F(DatalayerWeakSpot, W08_AnUnchangedBodyOnlyRefreshesTheTime) {
  FakeModelServer server(pool);
  server.queue(5);
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return waiting("a") == 5; }));
  const std::int64_t first = update_time("a");
  ASSERT_TRUE(eventually([&] { return update_time("a") > first; }));
  EXPECT_EQ(waiting("a"), 5);
  EXPECT_LE(server.connections(), 1u) << "one connection, kept alive";
}

TEST_F(DatalayerWeakSpot, W08_HugeBodiesAreCutOff) {
  FakeModelServer server(pool);
  server.serve(std::string(50u << 20, 'x'));
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return counters.poll_errors("a") > 1; }));
  EXPECT_NE(counters.last().find("body limit"), std::string::npos) << counters.last();
}

TEST_F(DatalayerWeakSpot, W27_TheStatusTellsTheLastSuccessAndTheLastError) {
  FakeModelServer server(pool);
  server.queue(1);
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return scraper->status().at(0).last_success_ns > 0; }));
  EXPECT_EQ(scraper->status().at(0).consecutive_failures, 0u);
  server.serve("garbage");
  ASSERT_TRUE(eventually([&] { return scraper->status().at(0).consecutive_failures > 2; }));
  const auto status = scraper->status().at(0);
  EXPECT_EQ(status.endpoint_id, "default/a");
  EXPECT_EQ(status.source_name, "metrics-data-source");
  EXPECT_NE(status.last_error, "");
}

TEST_F(ScraperTest, BadEndpointsDoNotDelayGoodOnes) {
  FakeModelServer good(pool), hanging(pool), garbage(pool), huge(pool);
  good.queue(1);
  hanging.hang();
  garbage.serve(std::string(100'000, '\0'));
  huge.serve(std::string(50u << 20, 'x'));
  auto unreachable = good.spec("unreachable");
  unreachable.port = "1";
  table.replace({good.spec("good"), hanging.spec("hanging"), garbage.spec("garbage"), huge.spec("huge"), unreachable});
  start();
  ASSERT_TRUE(eventually([&] { return counters.poll_errors("hanging") > 0; })) << "the deadline of one second";
  const int before = good.hits;
  ASSERT_TRUE(eventually([&] { return good.hits > before + 20; }));
  EXPECT_EQ(counters.poll_errors("good"), 0);
  EXPECT_GT(counters.poll_errors("garbage"), 0);
  EXPECT_GT(counters.poll_errors("huge"), 0);
  EXPECT_GT(counters.poll_errors("unreachable"), 0);
}

TEST_F(ScraperTest, ARecoveredEndpointIsReadAgain) {
  FakeModelServer server(pool);
  server.hang();
  ScraperOptions options;
  options.poll_timeout = milliseconds(50);
  table.upsert(server.spec("a"));
  start({}, options);
  ASSERT_TRUE(eventually([&] { return counters.poll_errors("a") > 1; }));
  server.queue(8);
  EXPECT_TRUE(eventually([&] { return waiting("a") == 8; }));
}

TEST_F(ScraperTest, RemovalDoesNotWaitForAPoll) {
  FakeModelServer server(pool);
  server.hang();
  table.upsert(server.spec("a"));
  ScraperOptions options;
  options.poll_timeout = seconds(60);
  start({}, options);
  ASSERT_TRUE(eventually([&] { return server.hits == 1; }));
  const auto began = Clock::now();
  table.remove("default/a");
  EXPECT_LT(Clock::now() - began, seconds(5));
  EXPECT_TRUE(scraper->status().empty());
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; })) << "the poll was cancelled";
  EXPECT_EQ(counters.poll_errors("a"), 0);
}

TEST_F(ScraperTest, FollowsAnEndpointThatMoves) {
  FakeModelServer first(pool), second(pool);
  first.queue(1);
  second.queue(2);
  table.upsert(first.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return waiting("a") == 1; }));
  table.upsert(second.spec("a"));
  EXPECT_TRUE(eventually([&] { return waiting("a") == 2; }));
}

TEST_F(ScraperTest, SourcesHaveTheirOwnIntervals) {
  FakeModelServer server(pool);
  server.queue(1);
  FakeModelServer models(pool, "/v1/models");
  auto spec = server.spec("a");
  ScrapeSource slow;
  slow.type = slow.name = "slow";
  slow.parameters.port = static_cast<std::uint16_t>(std::stoi(models.spec("x").port));
  slow.parameters.path = "/v1/models";
  slow.parameters.interval = milliseconds(500);
  table.upsert(spec);
  start({source(), slow});
  ASSERT_TRUE(eventually([&] { return models.hits >= 2; }));
  EXPECT_GE(server.hits, 6) << "about ten polls of the one while the other had one interval";
}

TEST_F(ScraperTest, NothingIsTouchedAfterStop) {
  FakeModelServer server(pool);
  server.hang();
  table.upsert(server.spec("a"));
  start();
  ASSERT_TRUE(eventually([&] { return server.hits == 1; }));
  scraper->stop();
  scraper.reset();
  EXPECT_EQ(counters.poll_errors("a"), 0);
  table.upsert(server.spec("b"));
  EXPECT_EQ(server.hits, 1);
}

TEST_F(ScraperTest, HundredsOfEndpointsShareOneServer) {
  FakeModelServer server(pool);
  server.queue(7);
  std::vector<endpoints::EndpointSpec> specs;
  for (int i = 0; i < 300; ++i)
    specs.push_back(server.spec("e" + std::to_string(i)));
  ScraperOptions options;
  options.refresh_interval = seconds(1);
  start({}, options);
  table.replace(specs);
  EXPECT_TRUE(eventually([&] {
    const auto snapshot = table.snapshot();
    const double* column = snapshot->f64(attributes.find(EPP_KEY_WAITING_QUEUE_SIZE));
    for (const auto slot : snapshot->slots()) {
      if (column[slot] != 7) return false;
    }
    return true;
  }));
}

}  // namespace
}  // namespace epp::scrape
