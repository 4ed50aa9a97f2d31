// Long calls, seen from a thread that looks in virtual time.
#include "plugins/watchdog.h"

#include "plugins/guarded_call.h"

#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::plugins {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMs = 1'000'000;

class Suspect final : public Instance {
 public:
  explicit Suspect(uint64_t budget_ns = 50 * kMs) {
    name_ = "suspect";
    call_budget_ns_ = budget_ns;
  }
  ~Suspect() override { CallBoard::get().forget(*this); }
};

class FakeProbe final : public ThreadProbe {
 public:
  uint64_t cpu_ns(const CallRecord&) const override { return cpu; }
  bool runnable(const CallRecord&) const override { return wants_core; }
  uint64_t cpu = 0;
  bool wants_core = false;
};

class WatchdogTest : public ::testing::Test, public LongCallListener {
 protected:
  void on_long(const LongCall&) override { heard.emplace_back("long"); }
  void on_hung(const LongCall& call) override { heard.emplace_back("hung at " + std::to_string(call.taken_ns / kMs)); }
  void on_returned(const LongCall& call) override { heard.emplace_back(call.hangs ? "hung one is back" : "back"); }

  void pass(uint64_t ms) {
    for (uint64_t gone = 0; gone < ms; gone += 5) {
      now += 5 * kMs;
      watchdog.look(now);
    }
  }
  // A call that hangs and returns.
  void hang(const Suspect& suspect) {
    {
      const CallMark call(suspect, ExtensionPoint::kScorer);
      pass(100);
      EXPECT_TRUE(suspect.ledger().suspended());
    }
    pass(5);
    EXPECT_FALSE(suspect.ledger().suspended());
  }

  std::vector<std::string> heard;
  FakeProbe probe;
  uint64_t now = 1'000 * kMs;
  Watchdog watchdog{*this, probe};
};

TEST_F(WatchdogTest, ShortCallsAreNobodysBusiness) {
  const Suspect suspect;
  for (int i = 0; i < 10; ++i) {
    const CallMark call(suspect, ExtensionPoint::kScorer);
    pass(5);
  }
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(WatchdogTest, CallBeyondItsBudgetIsSuspendedUntilItIsBack) {
  const Suspect suspect;
  hang(suspect);
  EXPECT_THAT(heard, ElementsAre("long", "hung at 50", "hung one is back"));
  EXPECT_EQ(suspect.faults(Fault::kHung), 1u);
  EXPECT_TRUE(suspect.in_service());
  EXPECT_EQ(suspect.ledger().last()->point, ExtensionPoint::kScorer);
}

TEST_F(WatchdogTest, LongCallWithinItsBudgetIsNoFault) {
  const Suspect suspect;
  {
    const CallMark call(suspect, ExtensionPoint::kScorer);
    pass(40);
  }
  pass(5);
  EXPECT_THAT(heard, ElementsAre("long", "back"));
  EXPECT_EQ(suspect.faults(Fault::kHung), 0u);
}

TEST_F(WatchdogTest, WithoutABudgetNothingHangs) {
  const Suspect suspect(0);
  const CallMark call(suspect, ExtensionPoint::kScorer);
  pass(10'000);
  EXPECT_THAT(heard, ElementsAre("long"));
  EXPECT_TRUE(suspect.in_service());
}

TEST_F(WatchdogTest, TheThirdHangIsTheLast) {
  const Suspect suspect;
  hang(suspect);
  hang(suspect);
  EXPECT_FALSE(suspect.bypassed());
  hang(suspect);
  EXPECT_TRUE(suspect.bypassed());
  EXPECT_EQ(suspect.faults(Fault::kBypassed), 1u);
}

TEST_F(WatchdogTest, WaitingForACoreIsNotHeldAgainstACall) {
  const Suspect suspect;
  const CallMark call(suspect, ExtensionPoint::kScorer);
  probe.wants_core = true;
  pass(1'000);
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(WatchdogTest, ALateLookChargesLittle) {
  const Suspect suspect;
  const CallMark call(suspect, ExtensionPoint::kScorer);
  pass(5);
  now += 60'000 * kMs;  // the process was stopped
  pass(5);
  EXPECT_THAT(heard, ElementsAre("long"));
  EXPECT_EQ(suspect.faults(Fault::kHung), 0u);
}

TEST_F(WatchdogTest, MainCallsHaveTwoSecondsAndAreOnlyNamed) {
  const Suspect suspect;
  const CallMark call(suspect, ExtensionPoint::kCreate);
  pass(1'900);
  EXPECT_THAT(heard, ElementsAre("long"));
  pass(200);
  EXPECT_THAT(heard, ElementsAre("long", "hung at 2000"));
  EXPECT_TRUE(suspect.in_service());
}

TEST_F(WatchdogTest, AnInstanceThatGoesIsLetGoOf) {
  auto suspect = std::make_unique<Suspect>();
  {
    const CallMark call(*suspect, ExtensionPoint::kScorer);
    pass(20);
  }
  suspect.reset();
  EXPECT_THAT(heard, ElementsAre("long", "back"));
}

TEST_F(WatchdogTest, AThreadThatEndsWithItsCallIsLetGoOf) {
  const Suspect suspect;
  std::latch called{1};
  std::latch seen{1};
  std::thread caller([&] {
    const CallMark call(suspect, ExtensionPoint::kScorer);
    called.count_down();
    seen.wait();
  });
  called.wait();
  pass(100);
  EXPECT_TRUE(suspect.ledger().suspended());
  seen.count_down();
  caller.join();
  EXPECT_THAT(heard, ElementsAre("long", "hung at 50", "hung one is back"));
  EXPECT_FALSE(suspect.ledger().suspended());
}

TEST_F(WatchdogTest, TheOuterOfNestedCallsIsMeasuredThroughout) {
  const Suspect outer;
  const Suspect inner;
  const CallMark call(outer, ExtensionPoint::kScorer);
  pass(5);
  { const CallMark nested(inner, ExtensionPoint::kStateDrop); }
  pass(60);
  EXPECT_EQ(outer.faults(Fault::kHung), 1u);
  EXPECT_EQ(inner.faults(Fault::kHung), 0u);
}

TEST(FaultLedger, CallsThatHangTogetherAreOneSuspension) {
  FaultLedger ledger;
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(ledger.suspend());
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(ledger.in_service());
    ledger.resume();
  }
  EXPECT_TRUE(ledger.in_service());
}

TEST(FaultLedger, OnlyFaultsInARowLeadToABypass) {
  FaultLedger ledger;
  for (uint32_t i = 1; i < kBypassAfterFaults; ++i)
    EXPECT_FALSE(ledger.refuse(ExtensionPoint::kScorer));
  ledger.accept(ExtensionPoint::kScorer);
  for (uint32_t i = 1; i < kBypassAfterFaults; ++i)
    EXPECT_FALSE(ledger.refuse(ExtensionPoint::kScorer));
  EXPECT_TRUE(ledger.refuse(ExtensionPoint::kScorer));
  EXPECT_FALSE(ledger.refuse(ExtensionPoint::kScorer));  // said once
  EXPECT_TRUE(ledger.bypassed());
}

// A good answer elsewhere makes a bad one no better.
TEST(FaultLedger, ARowIsOfOneExtensionPoint) {
  FaultLedger ledger;
  for (uint32_t i = 1; i < kBypassAfterFaults; ++i) {
    EXPECT_FALSE(ledger.refuse(ExtensionPoint::kScorer));
    EXPECT_FALSE(ledger.refuse(ExtensionPoint::kPicker));
    ledger.accept(ExtensionPoint::kResponseComplete);
    ledger.accept(ExtensionPoint::kPicker);
  }
  EXPECT_TRUE(ledger.refuse(ExtensionPoint::kScorer));
}

TEST(GuardedCall, OneThatTellsIsGoodWhenItReturns) {
  const Suspect suspect;
  const auto fail = [] { throw std::runtime_error("boom"); };
  for (uint32_t i = 0; i < 2 * kBypassAfterFaults; ++i) {
    EXPECT_FALSE(notify(suspect, ExtensionPoint::kTimer, nullptr, fail));
    if (i % 2 == 0) {
      EXPECT_TRUE(notify(suspect, ExtensionPoint::kTimer, nullptr, [] {}));
    }
  }
  EXPECT_TRUE(suspect.in_service());
}

TEST(GuardedCall, ExceptionsEndThereAndAreCounted) {
  const Suspect suspect;
  ErrorBuffer error;
  EXPECT_FALSE(guarded(suspect, ExtensionPoint::kFilter, &error, [] { throw std::runtime_error("boom"); }));
  EXPECT_EQ(error.message(), "an exception left the library: boom");
  EXPECT_FALSE(guarded(suspect, ExtensionPoint::kFilter, nullptr, [] { throw 1; }));
  EXPECT_EQ(suspect.faults(Fault::kException), 2u);
  EXPECT_TRUE(guarded(suspect, ExtensionPoint::kFilter, nullptr, [] {}));
  EXPECT_EQ(CallBoard::record()->instance.load(), nullptr);
}

}  // namespace
}  // namespace epp::plugins
