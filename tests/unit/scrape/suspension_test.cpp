// The scraper and endpoints that leave for a while.
#include "integration/scrape/fake_server.h"
#include "net/io_pool.h"
#include "scrape/scraper.h"
#include "unit/net/events.h"
#include "unit/scrape/scraping.h"

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

using endpoints::EndpointChange;
using testing::eventually;
using testing::FakeModelServer;

class ScraperSuspension : public ::testing::Test {
 protected:
  net::IoPool pool{2};
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  PollErrors errors;
};

TEST_F(ScraperSuspension, PollsNobodyWhoIsAwayAndAtOnceWhoIsBack) {
  FakeModelServer here(pool);
  FakeModelServer away(pool);
  table.upsert(here.spec("here"));
  table.upsert(away.spec("away"));

  Scraper scraper(pool, table, {metrics_source(attributes)}, &errors);
  scraper.start();
  ASSERT_TRUE(eventually([&] { return here.hits >= 2 && away.hits >= 2; }));
  EXPECT_EQ(scraper.status().size(), 2U);

  table.apply({{.kind = EndpointChange::Kind::kSuspend, .id = "default/away"}});
  EXPECT_EQ(scraper.status().size(), 1U);
  // What was under way may still arrive; after that it is silent while the other one is polled on.
  int seen = 0;
  ASSERT_TRUE(eventually([&] {
    const int before = here.hits;
    seen = away.hits;
    return eventually([&] { return here.hits >= before + 4; }) && away.hits == seen;
  }));

  table.apply({{.kind = EndpointChange::Kind::kUpsert, .spec = away.spec("away")}});
  EXPECT_TRUE(eventually([&] { return away.hits >= seen + 3; }));
  EXPECT_EQ(scraper.status().size(), 2U);

  table.apply({{.kind = EndpointChange::Kind::kSuspend, .id = "default/away"}});
  EXPECT_TRUE(table.remove("default/away"));
  const int before = here.hits;
  EXPECT_TRUE(eventually([&] { return here.hits >= before + 2; }));
  EXPECT_EQ(scraper.status().size(), 1U);
  EXPECT_TRUE(errors.texts().empty());
  scraper.stop();
}

TEST_F(ScraperSuspension, WhoIsBackWithinOneChangeIsPolledOn) {
  FakeModelServer server(pool);
  table.upsert(server.spec("a"));
  Scraper scraper(pool, table, {metrics_source(attributes)}, &errors);
  scraper.start();
  ASSERT_TRUE(eventually([&] { return server.hits >= 1; }));
  table.apply({{.kind = EndpointChange::Kind::kSuspend, .id = "default/a"},
               {.kind = EndpointChange::Kind::kUpsert, .spec = server.spec("a")}});
  EXPECT_EQ(scraper.status().size(), 1U);
  const int before = server.hits;
  EXPECT_TRUE(eventually([&] { return server.hits >= before + 3; }));
  scraper.stop();
}

}  // namespace
}  // namespace epp::scrape
