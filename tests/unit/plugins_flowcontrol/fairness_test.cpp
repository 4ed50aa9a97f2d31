// global-strict and round-robin fairness.
#include "unit/plugins_flowcontrol/band_stage.h"

#include <gtest/gtest.h>

namespace {

using epp::testing::BandStage;
using epp::testing::PluginHarness;

constexpr const char* kStrict = "global-strict-fairness-policy";
constexpr const char* kRoundRobin = "round-robin-fairness-policy";
constexpr const char* kFcfs = "fcfs-ordering-policy";

// Three requests each of a, b and c, in that order, a millisecond apart.
void enqueue_aaabbbccc(PluginHarness& host, BandStage& band) {
  for (const char* id : {"a", "b", "c"}) {
    for (int i = 0; i < 3; ++i) {
      band.enqueue(id);
      host.advance_ns(1'000'000);
    }
  }
}

TEST(FlowControlCheck, C17_RoundRobinTakesTurns) {
  PluginHarness host;
  host.load(kRoundRobin);
  host.load(kFcfs);
  BandStage band(host, host.create(kRoundRobin), host.create(kFcfs));
  enqueue_aaabbbccc(host, band);
  EXPECT_EQ(band.dispatches(9), "abcabcabc");
  EXPECT_EQ(band.dispatch(), "");
}

TEST(FlowControlCheck, C18_GlobalStrictIsOneQueue) {
  PluginHarness host;
  host.load(kStrict);
  host.load(kFcfs);
  BandStage band(host, host.create(kStrict), host.create(kFcfs));
  enqueue_aaabbbccc(host, band);
  EXPECT_EQ(band.dispatches(9), "aaabbbccc");
  EXPECT_EQ(band.dispatch(), "");
}

TEST(GlobalStrict, FollowsTheOrderingBetweenFlows) {
  PluginHarness host;
  host.load(kStrict);
  host.load("edf-ordering-policy");
  BandStage band(host, host.create(kStrict), host.create("edf-ordering-policy"));
  const auto enqueue = [&](const char* id, uint64_t deadline_ns) {
    epp_queued_request item{};
    item.enqueued_ns = host.now_ns();
    item.deadline_ns = deadline_ns;
    band.enqueue(id, item);
  };
  enqueue("a", 900);
  enqueue("b", EPP_NEVER_NS);
  enqueue("c", 300);
  enqueue("b", 500);
  enqueue("a", 100);
  enqueue("d", EPP_NEVER_NS);
  EXPECT_EQ(band.dispatches(6), "acbabd");
}

// Against the obvious: the smallest head of all.
TEST(GlobalStrict, AgreesWithASearchOverManyFlows) {
  PluginHarness host;
  host.load(kStrict);
  BandStage band(host, host.create(kStrict));
  std::map<uint64_t, std::string> waiting;  // by arrival
  uint64_t random = 1;
  uint64_t arrivals = 0;
  for (int round = 0; round < 20'000; ++round) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    if ((random >> 33) % 100 < 52) {
      const std::string id = "f" + std::to_string((random >> 40) % 300);
      band.enqueue(id);
      waiting[++arrivals] = id;
    } else if (!waiting.empty()) {
      ASSERT_EQ(band.dispatch(), waiting.begin()->second);
      waiting.erase(waiting.begin());
    }
  }
  EXPECT_FALSE(waiting.empty());
}

TEST(RoundRobin, NewFlowsHaveTheirPlaceByName) {
  PluginHarness host;
  host.load(kRoundRobin);
  BandStage band(host, host.create(kRoundRobin));
  for (const char* id : {"a", "b", "c"}) {
    for (int i = 0; i < 3; ++i)
      band.enqueue(id);
  }
  EXPECT_EQ(band.dispatches(2), "ab");
  band.enqueue("aa");
  EXPECT_EQ(band.dispatch(), "c");
  EXPECT_EQ(band.dispatch(), "a");
  EXPECT_EQ(band.dispatch(), "aa");
  EXPECT_EQ(band.dispatches(2), "bc");
}

// Upstream starts again at the smallest id.
TEST(FlowControlWeakSpot, W10_RoundRobinKeepsItsPlaceWhileIdle) {
  PluginHarness host;
  host.load(kRoundRobin);
  BandStage band(host, host.create(kRoundRobin));
  band.enqueue("a");
  band.enqueue("b");
  EXPECT_EQ(band.dispatches(2), "ab");
  EXPECT_EQ(band.dispatch(), "");
  for (const char* id : {"a", "b", "c"})
    band.enqueue(id);
  EXPECT_EQ(band.dispatches(3), "cab");
}

TEST(RoundRobin, GoesOnWhereAForgottenFlowStood) {
  PluginHarness host;
  host.load(kRoundRobin);
  BandStage band(host, host.create(kRoundRobin));
  for (const char* id : {"a", "b", "c", "d"})
    band.enqueue(id);
  EXPECT_EQ(band.dispatches(2), "ab");
  band.forget("b");
  band.enqueue("a");
  EXPECT_EQ(band.dispatches(3), "cda");
}

}  // namespace
