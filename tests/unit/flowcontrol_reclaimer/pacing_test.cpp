// How fast requests are stopped: confirmation, grace, and what is left over.
#include "flowcontrol/reclaimer.h"
#include "unit/flowcontrol_reclaimer/running_pool.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using testing::kMs;
using testing::RunningPool;
using Names = std::vector<std::string>;

constexpr Nanos kGrace = 10 * kMs;
constexpr Nanos kConfirm = 10'000 * kMs;

class Pacing : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c", "d"})
      pool.start(name, -1);
  }
  RunningPool pool{{.grace_ns = kGrace, .confirm_timeout_ns = kConfirm, .max_per_decision = 2}};
};

TEST_F(Pacing, WaitsForEveryOneOfABatch) {
  EXPECT_EQ(pool.look(2.0), (Names{"d", "c"}));
  EXPECT_EQ(pool.reclaimer.victim_priority(pool.now), std::nullopt);
  EXPECT_EQ(pool.look(2.0), Names{});
  EXPECT_EQ(pool.reclaimer.reclaim({.saturation = 2.0, .ceiling = 1, .priority = 0}, pool.now), 0u);
  pool.end("d");
  pool.now += kGrace;
  EXPECT_EQ(pool.look(2.0), Names{}) << "one is still to end";
  pool.end("c");
  EXPECT_EQ(pool.look(2.0), Names{}) << "readings do not show it yet";
  pool.now += kGrace - 1;
  EXPECT_EQ(pool.look(2.0), Names{});
  pool.now += 1;
  EXPECT_EQ(pool.look(3.0), (Names{"b", "a"}));
}

TEST_F(Pacing, TellsWhenToLookAgain) {
  EXPECT_EQ(pool.reclaimer.next_decision(pool.now), kNever) << "not a matter of time";
  pool.look(2.0);
  const Nanos issued = pool.now;
  EXPECT_EQ(pool.reclaimer.next_decision(pool.now), issued + kConfirm + kGrace);
  pool.now += kMs;
  pool.end("d");
  EXPECT_EQ(pool.reclaimer.next_decision(pool.now), issued + kConfirm + kGrace) << "the slower one counts";
  pool.now += kMs;
  pool.end("c");
  EXPECT_EQ(pool.reclaimer.next_decision(pool.now), pool.now + kGrace);
  pool.now += kGrace;
  EXPECT_EQ(pool.reclaimer.next_decision(pool.now), kNever);
}

TEST_F(Pacing, GivesUpOnARequestThatDoesNotEnd) {
  pool.look(1.0);
  const Nanos issued = pool.now;
  pool.now = issued + kConfirm - 1;
  EXPECT_EQ(pool.status().outstanding, 1u);
  EXPECT_EQ(pool.observed.timeouts, 0u);
  pool.now = issued + kConfirm;
  EXPECT_EQ(pool.status().cooling, 1u);
  EXPECT_EQ(pool.observed.timeouts, 1u);
  EXPECT_EQ(pool.look(1.0), Names{}) << "it cools as the others do";
  pool.now = issued + kConfirm + kGrace;
  EXPECT_EQ(pool.look(1.0), Names{"c"});
  pool.end("d");
  EXPECT_EQ(pool.observed.confirmations.size(), 0u) << "too late: it was given up";
  EXPECT_EQ(pool.status().outstanding, 1u);
}

TEST_F(Pacing, AnEndAfterTheTimeIsATimeoutAlsoIfNobodyLooked) {
  pool.look(1.0);
  pool.now += kConfirm + kGrace;
  pool.end("d");
  EXPECT_EQ(pool.observed.timeouts, 1u);
  EXPECT_TRUE(pool.observed.confirmations.empty());
  EXPECT_EQ(pool.look(1.0), Names{"c"});
}

TEST_F(Pacing, PendingIsWhatReadingsDoNotShowYet) {
  pool.look(2.0);
  EXPECT_DOUBLE_EQ(pool.observed.target, 1.0);
  EXPECT_DOUBLE_EQ(pool.observed.pending, 1.0) << "two of four at saturation 2";
  pool.end("d");
  pool.now += kGrace;
  EXPECT_DOUBLE_EQ(pool.status().pending, 0.5);
  EXPECT_DOUBLE_EQ(pool.observed.pending, 0.5);
  pool.end("c");
  pool.now += kGrace;
  EXPECT_DOUBLE_EQ(pool.status().pending, 0);
  EXPECT_DOUBLE_EQ(pool.observed.pending, 0);
  EXPECT_DOUBLE_EQ(pool.observed.target, 0);
}

// Upstream derives the grace from a staleness that its detector does not use, 2.3 s in all: at most two evictions in
// that time. Here it is the caller's, who knows the detector; nothing else slows the pace.
TEST(FlowControlWeakSpot, W17_TheGraceIsTheCallersAndTheOnlyPause) {
  const auto evictions_within_10s = [](Nanos grace) {
    RunningPool pool({.grace_ns = grace});
    for (int i = 0; i < 3'000; ++i)
      pool.start(std::to_string(i), -1);
    unsigned evictions = 0;
    const Nanos end = pool.now + 10'000 * kMs;
    while (pool.now < end) {
      const Names evicted = pool.look(2.0);
      pool.now += 5 * kMs;  // until the streams have ended
      for (const auto& name : evicted)
        pool.end(name);
      evictions += static_cast<unsigned>(evicted.size());
      const Nanos next = pool.reclaimer.next_decision(pool.now);
      EXPECT_EQ(next, pool.now + grace);
      pool.now = next;
    }
    return evictions;
  };
  EXPECT_EQ(evictions_within_10s(2'300 * kMs), 10u);
  EXPECT_EQ(evictions_within_10s(500 * kMs), 40u);
  EXPECT_EQ(evictions_within_10s(10 * kMs), 1334u);
}

// A request that ends by itself just when it is told to stop: upstream may wait 10 s for it.
TEST(FlowControlWeakSpot, W18_AnEndThatCrossesTheSignalLeavesNothingPending) {
  RunningPool before({.grace_ns = kGrace});
  before.start("a", -1);
  before.start("b", -1);
  before.end("b");
  EXPECT_EQ(before.look(1.0), Names{"a"}) << "who has ended is no victim";

  RunningPool within({.grace_ns = kGrace});
  within.start("a", -1);
  within.start("b", -1);
  within.on_signal = [](RunningPool& pool, const std::string& name) { pool.end(name); };
  EXPECT_EQ(within.look(1.0), Names{"b"});
  EXPECT_EQ(within.observed.confirmations, std::vector<Nanos>{0});
  EXPECT_EQ(within.status().outstanding, 0u);
  EXPECT_EQ(within.reclaimer.next_decision(within.now), within.now + kGrace) << "10 ms, not 10 s";
  within.end("b");
  EXPECT_EQ(within.observed.confirmations.size(), 1u) << "the second end is none";
}

TEST(ReclaimerTest, ASpanThatNeverEndsDoesNotWrap) {
  RunningPool pool({.grace_ns = kNever, .confirm_timeout_ns = kNever});
  pool.start("a", -1);
  pool.start("b", -1);
  EXPECT_EQ(pool.look(1.0), Names{"b"});
  EXPECT_EQ(pool.reclaimer.next_decision(pool.now), kNever);
  EXPECT_EQ(pool.status().outstanding, 1u);
}

}  // namespace
}  // namespace epp::flowcontrol
