// utilization-detector: saturation table, staleness, filter, parameters.
#include "common/go_duration.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kType = "utilization-detector";
constexpr const char* kStale = "llm_d_epp_flow_control_stale_endpoints";

struct Load {
  double waiting, usage;
};

class Detector : public ::testing::Test {
 protected:
  Detector() { host.load(kType); }
  void endpoint(const std::string& name, Load load) {
    host.endpoint(name)
        .set(EPP_KEY_WAITING_QUEUE_SIZE, load.waiting)
        .set(EPP_KEY_KV_CACHE_USAGE, load.usage)
        .set(EPP_KEY_UPDATE_TIME, static_cast<int64_t>(host.now_ns()));
  }
  PluginHarness host;
};

// FlowControlCheck 22 and 23, and the table of the reference.
TEST_F(Detector, SaturationTable) {
  struct Row {
    std::vector<Load> loads;
    const char* parameters;
    double saturation;
  };
  const std::vector<Row> rows = {
      {{{2, 0.4}, {0, 0.9}}, "{}", 0.8125},
      {{{5, 0.1}}, "{}", 1.0},
      {{{4, 0.1}}, "{}", 0.8},
      {{{10, 0.1}}, "{}", 2.0},
      {{{1, 0.1}, {15, 0.2}}, R"({"kvCacheUtilThreshold": 0.9})", 1.6},
      {{}, "{}", 1.0},
  };
  for (const Row& row : rows) {
    PluginHarness fresh;
    fresh.load(kType);
    const auto detector = fresh.create(kType, row.parameters);
    for (size_t i = 0; i < row.loads.size(); ++i) {
      fresh.endpoint("e" + std::to_string(i))
          .set(EPP_KEY_WAITING_QUEUE_SIZE, row.loads[i].waiting)
          .set(EPP_KEY_KV_CACHE_USAGE, row.loads[i].usage)
          .set(EPP_KEY_UPDATE_TIME, static_cast<int64_t>(fresh.now_ns()));
    }
    EXPECT_THAT(fresh.saturation(detector), DoubleNear(row.saturation, 1e-12)) << row.parameters;
    EXPECT_EQ(fresh.metric(kStale, {kType}), 0);
  }
}

TEST_F(Detector, StaleMetricsCountAsFull) {
  const auto detector = host.create(kType);
  endpoint("a", {2, 0.4});
  endpoint("b", {0, 0.9});
  host.endpoint("never-scraped");
  EXPECT_THAT(host.saturation(detector), DoubleNear((0.5 + 1.125 + 1) / 3, 1e-12));
  EXPECT_EQ(host.metric(kStale, {kType}), 1);
  host.advance_ns(200'000'000);
  EXPECT_THAT(host.saturation(detector), DoubleNear((0.5 + 1.125 + 1) / 3, 1e-12));
  host.advance_ns(1);
  EXPECT_EQ(host.saturation(detector), 1.0);
  EXPECT_EQ(host.metric(kStale, {kType}), 3);
}

TEST_F(Detector, LogsStalenessAtMostTwiceAMinute) {
  const auto detector = host.create(kType);
  host.endpoint("a");
  for (int i = 0; i < 10; ++i)
    (void)host.saturation(detector);
  EXPECT_EQ(host.log_lines().size(), 1u);
  host.advance_seconds(30);
  (void)host.saturation(detector);
  EXPECT_EQ(host.log_lines().size(), 2u);
}

TEST_F(Detector, FilterWithHeadroom) {
  const auto filter = host.create(kType, R"({"headroom": 0.2})");
  endpoint("fits", {5, 0.9});
  endpoint("queue", {7, 0.1});
  endpoint("at-limit", {6, 0.1});
  endpoint("cache", {0, 0.97});
  host.endpoint("stale");
  auto request = host.request();
  EXPECT_THAT(host.filter(filter, request), ElementsAre("fits"));
}

TEST_F(Detector, FilterFailsOpen) {
  const auto filter = host.create(kType);
  endpoint("a", {5, 0.1});
  host.endpoint("b");
  auto request = host.request();
  EXPECT_THAT(host.filter(filter, request), ElementsAre("a", "b"));
}

TEST_F(Detector, AllComplaintsAtOnce) {
  const std::string error = host.create_error(
      kType,
      R"({"queueDepthThreshold": 0, "kvCacheUtilThreshold": 1.5, "metricsStalenessThreshold": "x", "headroom": -1})");
  EXPECT_THAT(error, HasSubstr("invalid utilization detector configuration: "));
  for (const char* name : {"queueDepthThreshold", "kvCacheUtilThreshold", "metricsStalenessThreshold", "headroom"})
    EXPECT_THAT(error, HasSubstr(name));
  EXPECT_EQ(host.create_error(kType, R"({"headroom": 2, "metricsStalenessThreshold": "1m30s"})"), "");
}

TEST(GoDuration, Parses) {
  using epp::builtin::parse_go_duration;
  EXPECT_EQ(parse_go_duration("200ms"), 200'000'000);
  EXPECT_EQ(parse_go_duration("1m30s"), 90'000'000'000);
  EXPECT_EQ(parse_go_duration("1.5h"), 5'400'000'000'000);
  EXPECT_EQ(parse_go_duration("1us"), 1000);
  EXPECT_EQ(parse_go_duration("1\u00b5s"), 1000);
  EXPECT_EQ(parse_go_duration("7ns"), 7);
  EXPECT_EQ(parse_go_duration("0"), 0);
  EXPECT_EQ(parse_go_duration("-2s"), -2'000'000'000);
  for (const char* bad : {"", "5", "s", "1x", "1s2", "--1s", "1s-2s", "99999999999h"})
    EXPECT_EQ(parse_go_duration(bad), std::nullopt) << bad;
}

}  // namespace
