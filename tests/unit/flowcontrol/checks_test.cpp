// The black-box checks of flow control that need no wire, on a clock that stands still. "hold" is a request that runs.
#include "unit/flowcontrol/world.h"

#include <array>
#include <numeric>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using namespace testing;

class FlowControlCheck : public ::testing::Test {
 protected:
  World world;
};

TEST_F(FlowControlCheck, C01_GoesAtOnceWhenThePoolIsFree) {
  const Client& request = world.ask("a");
  EXPECT_EQ(request.outcome(), Outcome::kDispatched);
  EXPECT_EQ(world.observer.outcomes.at({"Dispatched", 0}), 1u);
  EXPECT_TRUE(world.dispatcher().idle());
}

TEST_F(FlowControlCheck, C02_WaitsForTheHeldRequest) {
  Client& held = world.ask("held");
  const Client& second = world.ask("second");
  world.advance(kSecond);
  EXPECT_TRUE(second.waits());
  world.finish(held);
  EXPECT_EQ(second.outcome(), Outcome::kDispatched);
  EXPECT_EQ(second.decided_at, world.clock.now);
}

TEST_F(FlowControlCheck, C03_FullBandRejects) {
  world.options.bands[0].max_requests = 1;
  world.ask("held");
  world.ask("queued");
  const Client& refused = world.ask("refused");
  EXPECT_EQ(refused.outcome(), Outcome::kRejectedCapacity);
  EXPECT_EQ(refused.verdict->queued_before, 1u);
}

TEST_F(FlowControlCheck, C04_FullBandOfAnEmptyPool) {
  world.options.bands[0].max_requests = 1;
  world.set_endpoints({});
  world.ask("queued");
  EXPECT_EQ(world.ask("refused").outcome(), Outcome::kRejectedNoEndpoints);
}

TEST_F(FlowControlCheck, C05_TimeToLive) {
  world.options.default_ttl_ns = 2 * kSecond;
  world.ask("held");
  const Client& queued = world.ask("queued");
  world.advance(2 * kSecond - kMillisecond);
  EXPECT_TRUE(queued.waits());
  world.advance(kMillisecond);
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedTtl);
  EXPECT_EQ(queued.decided_at, 1002 * kSecond) << "to the millisecond";
}

TEST_F(FlowControlCheck, C06_EmptyPoolHasItsOwnTimeToLive) {
  world.options.default_ttl_ns = kSecond;
  world.options.no_endpoint_ttl_ns = 4 * kSecond;
  world.set_endpoints({});
  const Client& queued = world.ask("queued");
  world.advance(4 * kSecond - kMillisecond);
  EXPECT_TRUE(queued.waits());
  world.advance(kMillisecond);
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedNoEndpoints);
}

TEST_F(FlowControlCheck, C07_EndpointAppears) {
  world.options.default_ttl_ns = kSecond;
  world.options.no_endpoint_ttl_ns = 4 * kSecond;
  world.set_endpoints({});
  const Client& queued = world.ask("queued");
  world.advance(2 * kSecond);
  world.set_endpoints({{"pod", ""}});
  EXPECT_EQ(queued.outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlCheck, C08_SaturatedEndpointAppears) {
  world.options.default_ttl_ns = kSecond;
  world.options.no_endpoint_ttl_ns = 4 * kSecond;
  world.places = 0.5;
  world.detector->on_saturation = [](const epp_candidates&, const epp_reservations&, std::uint64_t&) { return 1.0; };
  world.set_endpoints({});
  const Client& queued = world.ask("queued");
  world.advance(2 * kSecond);
  world.set_endpoints({{"pod", ""}});
  world.advance(kSecond - kMillisecond);
  EXPECT_TRUE(queued.waits()) << "the new regime grants its own time";
  world.advance(kMillisecond);
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedTtl);
}

TEST_F(FlowControlCheck, C09_ZeroWaitsForEver) {
  world.options.default_ttl_ns = 0;
  world.ask("held");
  const Client& queued = world.ask("queued");
  world.advance(3600 * kSecond);
  EXPECT_TRUE(queued.waits());
}

TEST_F(FlowControlCheck, C10_CancelReturnsThePlaceAtOnce) {
  world.options.bands[0].max_requests = 1;
  world.ask("held");
  Client& queued = world.ask("queued");
  world.cancel(queued);
  EXPECT_EQ(world.observer.count(Outcome::kEvictedContextCancelled), 1u);
  EXPECT_EQ(world.dispatcher().view().length, 0u);
  EXPECT_TRUE(world.ask("next").waits()) << "there is room";
}

TEST_F(FlowControlCheck, C11_StopTakesOutAllThatWait) {
  world.ask("held");
  const Client& queued = world.ask("queued");
  world.dispatcher().stop();
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedOther);
  EXPECT_EQ(queued.verdict->cause, Cause::kShutdown);
  const Client& late = world.ask("late");
  EXPECT_EQ(late.outcome(), Outcome::kRejectedOther);
  EXPECT_EQ(late.verdict->cause, Cause::kShutdown);
}

TEST_F(FlowControlCheck, C12_GlobalRequests) {
  world.options.max_requests = 3;
  world.options.bands[0].max_requests = 10;
  world.ask("held");
  for (const char* name : {"a", "b", "c"})
    EXPECT_TRUE(world.ask(name).waits());
  EXPECT_EQ(world.ask("d").outcome(), Outcome::kRejectedCapacity);
}

TEST_F(FlowControlCheck, C13_GlobalBytes) {
  world.options.max_bytes = 1000;
  world.ask("held");
  for (const char* name : {"a", "b", "c"})
    EXPECT_TRUE(world.ask(name, {.bytes = 300}).waits());
  EXPECT_EQ(world.ask("d", {.bytes = 300}).outcome(), Outcome::kRejectedCapacity);
  EXPECT_TRUE(world.ask("e", {.bytes = 100}).waits()) << "filling the limit exactly is allowed";
}

TEST_F(FlowControlCheck, C14_LargerThanTheBand) {
  world.options.bands[0].max_bytes = 1000;
  EXPECT_EQ(world.ask("big", {.bytes = 1001}).outcome(), Outcome::kRejectedCapacity);
  EXPECT_EQ(world.ask("fits", {.bytes = 1000}).outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlCheck, C15_HighBandFirst) {
  world.options.bands = {band(10), band(0)};
  world.ask("held");
  world.ask("low", {.priority = 0});
  world.ask("high", {.priority = 10});
  world.take_started();
  EXPECT_EQ(world.drain(), "high low");
}

TEST_F(FlowControlCheck, C16_NoLowRequestWhileAHighOneWaits) {
  world.options.bands = {band(10), band(0)};
  world.ask("held");
  for (int i = 0; i < 50; ++i)
    world.ask("low", {.priority = 0});
  world.take_started();
  for (int i = 0; i < 200; ++i) {
    world.ask("high", {.priority = 10});
    world.finish(*world.running().front());
    EXPECT_EQ(world.take_started(), "high");
  }
}

// aaabbbccc
void ask_in_blocks(World& world) {
  world.ask("held");
  for (const char* flow : {"a", "b", "c"}) {
    for (int i = 0; i < 3; ++i)
      world.ask(flow, {.flow = flow});
  }
  world.take_started();
}

TEST_F(FlowControlCheck, C17_RoundRobin) {
  world.options.bands = {band(0, round_robin())};
  ask_in_blocks(world);
  EXPECT_EQ(world.drain(), "a b c a b c a b c");
}

TEST_F(FlowControlCheck, C18_GlobalStrict) {
  ask_in_blocks(world);
  EXPECT_EQ(world.drain(), "a a a b b b c c c");
}

TEST_F(FlowControlCheck, C24_SaturationOfExactlyOneClosesTheGate) {
  world.options.default_ttl_ns = 2 * kSecond;
  world.detector->on_saturation = [](const epp_candidates&, const epp_reservations&, std::uint64_t&) { return 1.0; };
  const Client& queued = world.ask("queued");
  world.advance(2 * kSecond);
  EXPECT_EQ(queued.outcome(), Outcome::kEvictedTtl);
}

TEST_F(FlowControlCheck, C25_FullerStageGatesAll) {
  const auto by_role = [&](const epp_candidates& candidates, const epp_reservations&, std::uint64_t&) {
    double sum = 0;
    for (std::uint32_t i = 0; i < candidates.count; ++i) {
      const auto* role = world.table.snapshot()->endpoint(candidates.slots[i])->label("llm-d.ai/role");
      sum += role != nullptr && *role == "prefill" ? 2.0 : 0.2;
    }
    return sum / candidates.count;
  };
  world.detector->on_saturation = by_role;
  world.set_endpoints({{"p", "prefill"}, {"d", "decode"}});
  const Client& queued = world.ask("queued");
  EXPECT_TRUE(queued.waits());
  const View view = world.dispatcher().view();
  EXPECT_EQ(view.prefill_saturation, 2.0);
  EXPECT_EQ(view.decode_saturation, 0.2);
  EXPECT_EQ(view.saturation, 2.0);
  EXPECT_EQ(view.closed_because, "saturation 2 reaches the ceiling 1 of band 0");

  world.set_endpoints({{"d", "decode"}});
  EXPECT_EQ(queued.outcome(), Outcome::kDispatched);
  EXPECT_FALSE(world.dispatcher().view().prefill_saturation.has_value());
}

TEST_F(FlowControlCheck, C26_StaticThreshold) {
  world.places = 10;
  world.options.usage_limits = ceiling_of(0.5);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(world.ask("held").outcome(), Outcome::kDispatched);
  const Client& sixth = world.ask("sixth");
  EXPECT_TRUE(sixth.waits());
  world.finish(*world.running().front());
  EXPECT_EQ(sixth.outcome(), Outcome::kDispatched);
}

TEST_F(FlowControlCheck, C27_Holdback) {
  world.places = 10;
  world.options.bands = {band(100), band(0), band(-10)};
  world.options.usage_limits = std::make_shared<TestUsageLimits>(
      [](double, std::span<const std::int32_t> priorities, std::span<double> ceilings, std::uint64_t&) {
        ASSERT_EQ(std::vector(priorities.begin(), priorities.end()), (std::vector<std::int32_t>{100, 0, -10}));
        constexpr std::array kCeilings = {0.9, 0.65, 0.4};
        std::copy(kCeilings.begin(), kCeilings.end(), ceilings.begin());
      });
  const auto hold = [&](std::size_t count) {
    while (world.running().size() < count)
      world.ask("held", {.priority = 100});
  };
  hold(4);
  EXPECT_TRUE(world.ask("sheddable", {.priority = -10}).waits());
  EXPECT_EQ(world.ask("normal", {.priority = 0}).outcome(), Outcome::kDispatched);
  hold(7);
  EXPECT_TRUE(world.ask("normal", {.priority = 0}).waits());
  EXPECT_EQ(world.ask("critical", {.priority = 100}).outcome(), Outcome::kDispatched);
  hold(9);
  EXPECT_TRUE(world.ask("critical", {.priority = 100}).waits());
}

TEST_F(FlowControlCheck, C29_PolicyOfCyclesIsAskedAgain) {
  // Opens the lower band every third cycle, and says when it wants the next one.
  std::uint64_t cycle = 0;
  world.options.bands = {band(10), band(0)};
  world.options.usage_limits = std::make_shared<TestUsageLimits>(
      [&](double, std::span<const std::int32_t>, std::span<double> ceilings, std::uint64_t& again_ns) {
        const bool open = ++cycle % 3 == 0;
        ceilings[1] = open ? 1.0 : 0.0;
        if (!open) again_ns = kMillisecond;
      });
  world.places = 1000;
  constexpr int kRequests = 100;
  for (int i = 0; i < kRequests; ++i)
    world.ask("low");
  world.advance(kSecond);
  EXPECT_TRUE(world.dispatcher().idle());
  EXPECT_EQ(world.observer.count(Outcome::kDispatched), kRequests);
  EXPECT_NEAR(static_cast<double>(cycle) / kRequests, 3, 0.1);
}

TEST_F(FlowControlCheck, C39_Utilisation) {
  world.options.max_requests = 4;
  world.options.bands[0].max_requests = 10;
  world.ask("held");
  world.ask("queued", {.bytes = 250});
  const View view = world.dispatcher().view();
  EXPECT_EQ(view.length, 1u);
  EXPECT_EQ(view.bytes, 250u);
  EXPECT_EQ(view.max_requests, 4u);
  ASSERT_EQ(view.bands.size(), 1u);
  EXPECT_EQ(view.bands[0].length, 1u);
  EXPECT_EQ(view.bands[0].max_requests, 10u);
}

TEST_F(FlowControlCheck, C40_IdleFlowsAreForgotten) {
  for (int i = 0; i < 1500; ++i)
    world.finish(world.ask("r", {.flow = "flow-" + std::to_string(i)}));
  EXPECT_EQ(world.dispatcher().view().bands[0].flows, 1500u);
  world.advance(600 * kSecond);
  EXPECT_EQ(world.dispatcher().view().bands[0].flows, 0u);
  EXPECT_EQ(world.observer.removed_flows.size(), 1500u);
  EXPECT_EQ(world.observer.removed_flows.front(), "flow-0:0");
  EXPECT_EQ(world.alarm.at, kNever) << "nothing is left to collect";
}

}  // namespace
}  // namespace epp::flowcontrol
