// What upstream does badly and this queue does not, by the numbers of the reference.
#include "unit/flowcontrol/world.h"

#include <epp/keys.h>

#include <cmath>
#include <limits>
#include <string_view>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using namespace testing;

class FlowControlWeakSpot : public ::testing::Test {
 protected:
  // Metrics of the endpoint were read now, and had been asked for `took` before.
  void scrape(std::size_t index = 0, Nanos took = 0) {
    const auto column = [&](std::string_view key) {
      return world.attributes.intern(key, EPP_TYPE_I64, endpoints::Storage::kSnapshot);
    };
    const auto now = static_cast<std::int64_t>(world.clock.now.load());
    endpoints::ScrapedValues values;
    values.set(column(EPP_KEY_UPDATE_TIME), now);
    values.set(column(endpoints::kAskedTimeKey), now - static_cast<std::int64_t>(took));
    world.table.store(*world.endpoint(index), values);
    world.table.publish();
    world.dispatcher().poke();
  }

  World world;
};

TEST_F(FlowControlWeakSpot, W01_BacklogDrainsInOneEvent) {
  Client& held = world.ask("held");
  for (int i = 0; i < 1000; ++i)
    world.ask("queued");
  world.places = 2000;
  world.finish(held);
  EXPECT_TRUE(world.dispatcher().idle());
  EXPECT_EQ(world.running().size(), 1000u);
}

TEST_F(FlowControlWeakSpot, W02_NothingRunsWhileNothingHappens) {
  world.finish(world.ask("a"));
  const auto asked = world.detector->calls;
  world.dispatcher().poke();
  world.advance(60 * kSecond);
  EXPECT_EQ(world.detector->calls, asked) << "an idle queue asks nobody";

  world.ask("held");
  world.ask("queued");
  const auto cycles = world.observer.cycles;
  world.advance(30 * kSecond);
  EXPECT_EQ(world.observer.cycles, cycles) << "a request that waits needs no polling";
}

TEST_F(FlowControlWeakSpot, W03_ReservationsPreventOvershoot) {
  world.start_when_dispatched = false;
  world.places = 5;
  for (int i = 0; i < 100; ++i)
    world.ask("r");
  EXPECT_EQ(world.observer.count(Outcome::kDispatched), 5u) << "none of them is on any counter yet";
  EXPECT_EQ(world.dispatcher().view().undecided, 5u);
}

TEST_F(FlowControlWeakSpot, W03_ReservationIsReturnedWhenSchedulingFails) {
  world.start_when_dispatched = false;
  Client& first = world.ask("first");
  const Client& second = world.ask("second");
  EXPECT_TRUE(second.waits());
  first.ticket.reset();
  EXPECT_EQ(second.outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlWeakSpot, W03_ScrapedLoadCountsWhatItHasNotSeen) {
  // A detector that knows nothing but readings: the waiting queue is as long as it was when it was read.
  std::uint64_t read_load = 0;
  world.detector->on_saturation = [&](const epp_candidates& candidates, const epp_reservations& reservations,
                                      std::uint64_t&) {
    std::uint64_t load = read_load + reservations.undecided;
    for (std::uint32_t i = 0; reservations.unseen != nullptr && i < candidates.count; ++i)
      load += reservations.unseen[candidates.slots[i]];
    return static_cast<double>(load) / 3;
  };
  scrape();
  for (int i = 0; i < 10; ++i)
    world.ask("r");
  EXPECT_EQ(world.running().size(), 3u);
  EXPECT_EQ(world.dispatcher().view().unseen, 3u);
  world.advance(kMillisecond);
  read_load = 3;
  scrape();
  EXPECT_EQ(world.dispatcher().view().unseen, 0u) << "the new reading shows them";
  EXPECT_EQ(world.running().size(), 3u);
  world.advance(kMillisecond);
  read_load = 1;
  scrape();
  EXPECT_EQ(world.running().size(), 5u);
}

// The server may have looked at itself as soon as it was asked, however late its answer came.
TEST_F(FlowControlWeakSpot, W03_AReadingShowsNothingThatCameAfterItWasAskedFor) {
  world.places = 10;
  world.ask("r");
  world.advance(5 * kMillisecond);
  scrape(0, 10 * kMillisecond);
  EXPECT_EQ(world.dispatcher().view().unseen, 1u);
  world.advance(5 * kMillisecond);
  scrape(0, 5 * kMillisecond);
  EXPECT_EQ(world.dispatcher().view().unseen, 0u);
}

TEST_F(FlowControlWeakSpot, W03_UnseenGoesWithTheTicketOrTheEndpoint) {
  world.places = 10;
  Client& first = world.ask("first");
  world.ask("second");
  EXPECT_EQ(world.dispatcher().view().unseen, 2u);
  world.finish(first);
  EXPECT_EQ(world.dispatcher().view().unseen, 1u);
  world.set_endpoints({{"other", ""}});
  EXPECT_EQ(world.dispatcher().view().unseen, 0u);
}

TEST_F(FlowControlWeakSpot, W06_CancelledHeadCostsNoTurn) {
  world.options.bands = {band(0, round_robin())};
  world.ask("held");
  Client& a1 = world.ask("a1", {.flow = "a"});
  world.ask("a2", {.flow = "a"});
  world.ask("b1", {.flow = "b"});
  world.take_started();
  world.cancel(a1);
  EXPECT_EQ(world.drain(), "a2 b1");
}

TEST_F(FlowControlWeakSpot, W07_MillisecondResolution) {
  world.options.default_ttl_ns = 1500 * kMillisecond;
  world.ask("held");
  const Client& queued = world.ask("queued", {.ttl = 7 * kMillisecond});
  world.advance(6 * kMillisecond);
  EXPECT_TRUE(queued.waits());
  world.advance(kMillisecond);
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedTtl);
}

TEST_F(FlowControlWeakSpot, W08_NewcomerDisplacesLowerBands) {
  world.options.bands = {band(10), band(0), band(-10)};
  world.options.max_requests = 3;
  world.options.extensions.displace_lower_bands = true;
  world.ask("held");
  const Client& first = world.ask("first", {.priority = -10});
  const Client& last = world.ask("last", {.priority = -10});
  world.ask("normal", {.priority = 0});
  EXPECT_TRUE(world.ask("high", {.priority = 10}).waits());
  EXPECT_EQ(last.outcome(), Outcome::kEvictedOther) << "the last arrival of the lowest band";
  EXPECT_EQ(last.verdict->cause, Cause::kDisplaced);
  EXPECT_TRUE(first.waits());
  EXPECT_EQ(world.ask("sheddable", {.priority = -10}).outcome(), Outcome::kRejectedCapacity);
}

TEST_F(FlowControlWeakSpot, W08_NobodyIsDisplacedInVain) {
  world.options.bands = {band(10), band(0)};
  world.options.max_bytes = 1000;
  world.options.extensions.displace_lower_bands = true;
  world.ask("held");
  const Client& small = world.ask("small", {.priority = 0, .bytes = 100});
  world.ask("high", {.priority = 10, .bytes = 800});
  EXPECT_EQ(world.ask("too big", {.priority = 10, .bytes = 500}).outcome(), Outcome::kRejectedCapacity);
  EXPECT_TRUE(small.waits());
}

TEST_F(FlowControlWeakSpot, W08_ReservedShareIsForHighBands) {
  world.options.bands = {band(10), band(0)};
  world.options.max_requests = 4;
  world.options.extensions.reserved_for_high_bands = 0.5;
  world.ask("held");
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(world.ask("low").waits());
  EXPECT_EQ(world.ask("low").outcome(), Outcome::kRejectedCapacity);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(world.ask("high", {.priority = 10}).waits());
  EXPECT_EQ(world.ask("high", {.priority = 10}).outcome(), Outcome::kRejectedCapacity);
}

TEST_F(FlowControlWeakSpot, W09_FlowsAreCapped) {
  world.options.extensions.max_flows = 2;
  world.ask("held", {.flow = "a"});
  world.ask("b", {.flow = "b"});
  world.ask("c", {.flow = "c"});
  world.ask("d", {.flow = "d"});
  EXPECT_EQ(world.observer.ids, (std::vector<std::string>{"a", "b", "other", "other"}));
  world.drain();
  world.ask("e", {.flow = "e"});
  EXPECT_EQ(world.observer.ids.back(), "e") << "idle flows make room";
  EXPECT_EQ(world.observer.removed_flows.size(), 1u);
}

TEST_F(FlowControlWeakSpot, W12_DeadlinesOfTheirOwnMakeEdfMeanSomething) {
  world.options.bands = {band(0, global_strict(), earliest_deadline_first())};
  world.ask("held");
  world.ask("patient", {.ttl = 10 * kSecond});
  world.ask("default");
  world.ask("urgent", {.ttl = kSecond});
  world.take_started();
  EXPECT_EQ(world.drain(), "urgent patient default");
}

TEST_F(FlowControlWeakSpot, W14_NotANumberDoesNotOpenTheGate) {
  world.detector->on_saturation = [](const epp_candidates&, const epp_reservations&, std::uint64_t&) {
    return std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_TRUE(world.ask("queued").waits()) << "closed while there is no good value";
  EXPECT_EQ(world.detector->faults(plugins::Fault::kNotANumber), 1u);
}

TEST_F(FlowControlWeakSpot, W15_Hysteresis) {
  world.places = 10;
  world.options.extensions.hysteresis = 0.25;
  for (int i = 0; i < 11; ++i)
    world.ask("r");
  EXPECT_EQ(world.running().size(), 10u);
  const auto finish_one = [&] { world.finish(*world.running().front()); };
  finish_one();
  finish_one();
  EXPECT_EQ(world.running().size(), 8u) << "0.8 is not far enough below the ceiling";
  finish_one();
  EXPECT_EQ(world.running().size(), 8u) << "0.7 opens it";
  EXPECT_TRUE(world.dispatcher().idle());
}

TEST_F(FlowControlWeakSpot, W15_HysteresisWiderThanTheCeilingOpensOnceThePoolIsIdle) {
  world.options.extensions.hysteresis = 0.5;
  world.options.usage_limits = ceiling_of(0.25);
  world.places = 4;
  Client& held = world.ask("held");
  const Client& queued = world.ask("queued");
  EXPECT_TRUE(queued.waits());
  world.finish(held);
  EXPECT_EQ(queued.outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlWeakSpot, W15_StaleReadingsHoldTheirLastValue) {
  world.options.extensions.hold_stale_ns = 2 * kSecond;
  const epp_attr attr = world.attributes.intern(EPP_KEY_UPDATE_TIME, EPP_TYPE_I64, endpoints::Storage::kSnapshot);
  world.detector->on_saturation = [&](const epp_candidates& candidates, const epp_reservations&, std::uint64_t&) {
    const auto* snapshot = static_cast<const endpoints::Snapshot*>(candidates.snapshot);
    const auto age = static_cast<std::int64_t>(world.clock.now) - snapshot->i64(attr)[candidates.slots[0]];
    EXPECT_GE(age, 0) << "no reading comes from the future";
    return age > static_cast<std::int64_t>(200 * kMillisecond) ? 1.0 : 0.5;
  };
  scrape();
  world.advance(2200 * kMillisecond);
  EXPECT_EQ(world.ask("held over").outcome(), Outcome::kDispatched);
  world.advance(kMillisecond);
  EXPECT_TRUE(world.ask("too old").waits());
}

TEST_F(FlowControlWeakSpot, W15_TheQueueLooksAgainWhenTheDetectorAsksForIt) {
  bool stale = true;
  world.detector->on_saturation = [&](const epp_candidates&, const epp_reservations&, std::uint64_t& again_ns) {
    again_ns = 50 * kMillisecond;
    return stale ? 1.0 : 0.5;
  };
  const Client& queued = world.ask("queued");
  stale = false;
  world.advance(50 * kMillisecond);
  EXPECT_EQ(queued.outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlWeakSpot, W21_CollectionIsDoneInSmallParts) {
  constexpr int kFlows = 2000;
  for (int i = 0; i < kFlows; ++i)
    world.finish(world.ask("r", {.flow = std::to_string(i)}));
  world.clock.now += 300 * kSecond;
  world.dispatcher().on_alarm();
  const auto first = world.observer.removed_flows.size();
  EXPECT_GT(first, 0u);
  EXPECT_LT(first, kFlows / 4);
  world.advance(20 * kMillisecond);
  EXPECT_EQ(world.observer.removed_flows.size(), kFlows);
}

TEST_F(FlowControlWeakSpot, W22_WithoutItsBandARequestWaitsAtPriorityZeroOnce) {
  world.options.bands = {band(0)};
  world.ask("held");
  world.ask("negative", {.flow = "n", .priority = -5});
  EXPECT_EQ(world.observer.fell_back, 1u);
  world.drain();
  EXPECT_EQ(world.observer.outcomes.at({"Dispatched", -5}), 1u) << "counted under what it asked for, once";

  const std::int32_t wanted[] = {-5, 7};
  world.dispatcher().want_bands(wanted);
  world.ask("at home", {.flow = "n", .priority = -5});
  EXPECT_EQ(world.observer.fell_back, 1u);
}

TEST_F(FlowControlWeakSpot, W26_RefusalTellsHowManyWait) {
  world.options.bands[0].max_requests = 7;
  world.ask("held");
  for (int i = 0; i < 7; ++i)
    world.ask("queued");
  EXPECT_EQ(world.ask("refused").verdict->queued_before, 7u);
}

TEST_F(FlowControlWeakSpot, W27_RequestWaitsOnlyForTheStageItNeeds) {
  world.options.extensions.gate_per_stage = true;
  world.options.bands = {band(10), band(0)};
  double prefill = 2.0;
  world.detector->on_saturation = [&](const epp_candidates& candidates, const epp_reservations&, std::uint64_t&) {
    const auto* role = world.table.snapshot()->endpoint(candidates.slots[0])->label("llm-d.ai/role");
    return role != nullptr && *role == "prefill" ? prefill : 0.2;
  };
  world.set_endpoints({{"p", "prefill"}, {"d", "decode"}});
  const Client& both = world.ask("both", {.priority = 10});
  const Client& decode = world.ask("decode", {.priority = 0, .needs = Needs::kDecode});
  EXPECT_TRUE(both.waits());
  EXPECT_EQ(decode.outcome(), Outcome::kDispatched);
  prefill = 0.5;
  world.dispatcher().poke();
  EXPECT_EQ(both.outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlWeakSpot, W29_EmptyPoolIsKnownAtOnce) {
  world.options.default_ttl_ns = kSecond;
  world.options.no_endpoint_ttl_ns = 4 * kSecond;
  world.ask("held");
  const Client& queued = world.ask("queued");
  world.advance(900 * kMillisecond);
  world.set_endpoints({});
  world.advance(3900 * kMillisecond);
  EXPECT_TRUE(queued.waits()) << "the empty pool granted 4 s of its own";
  world.advance(100 * kMillisecond);
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedNoEndpoints);
}

}  // namespace
}  // namespace epp::flowcontrol
