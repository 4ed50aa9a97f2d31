// The eviction filter and orderings.
#include "plugins/flow_hooks.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::ElementsAre;

struct Running {
  uint64_t serial;
  int32_t priority;
  uint64_t dispatched_ns;
  int64_t cost = 1;
  uint64_t chunks = 0;
};

epp_running_request abi(const Running& running) {
  epp_running_request request{};
  request.size = sizeof request;
  request.serial = running.serial;
  request.priority = running.priority;
  request.dispatched_ns = running.dispatched_ns;
  request.cost = running.cost;
  request.response_chunks = running.chunks;
  return request;
}

std::vector<uint64_t> order(const char* type, std::vector<Running> all) {
  PluginHarness host;
  host.load(type);
  const auto policy = host.create(type);
  std::sort(all.begin(), all.end(),
            [&](const Running& a, const Running& b) { return epp::plugins::evicts_before(*policy, abi(a), abi(b)); });
  std::vector<uint64_t> serials;
  for (const Running& running : all)
    serials.push_back(running.serial);
  return serials;
}

TEST(SheddableFilter, TakesNegativePriorities) {
  PluginHarness host;
  host.load("sheddable-eviction-filter");
  const auto filter = host.create("sheddable-eviction-filter", R"({"anything": "goes"})");
  EXPECT_TRUE(epp::plugins::accepts_eviction(*filter, abi({1, -1, 0})));
  EXPECT_FALSE(epp::plugins::accepts_eviction(*filter, abi({1, 0, 0})));
  EXPECT_FALSE(epp::plugins::accepts_eviction(*filter, abi({1, 5, 0})));
}

// FlowControlCheck 36: of -1 (old), -2 (new) and -2 (newer) the newer -2 is first.
TEST(FlowControlCheck, C36_VictimOrder) {
  EXPECT_THAT(order("priority-then-time-eviction-order-policy", {{1, -1, 10}, {2, -2, 20}, {3, -2, 30}}),
              ElementsAre(3, 2, 1));
}

// Weak spot 19: victims by age only, without a look at footprint and progress.
TEST(FlowControlWeakSpot, W19_FootprintAndProgressCount) {
  EXPECT_THAT(
      order("least-progress-eviction-order-policy", {{1, -1, 90, 9000, 0},    // a higher priority, whatever else
                                                     {2, -2, 80, 8000, 100},  // 79 tokens freed per piece lost
                                                     {3, -2, 10, 50, 0},      // has sent nothing: before all that have
                                                     {4, -2, 20, 500, 0},
                                                     {5, -2, 30, 500, 1},  // 250
                                                     {6, -2, 40, 500, 0}}),
      ElementsAre(6, 4, 3, 5, 2, 1));
}

}  // namespace
