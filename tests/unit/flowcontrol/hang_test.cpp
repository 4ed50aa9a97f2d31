// A policy that does not return keeps nobody but its caller and those who wait in the queue.
#include "unit/flowcontrol/door.h"
#include "unit/flowcontrol/world.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using namespace testing;

/// A world whose detector hangs on another thread from arm() to release(). The watchdog's part is played by hand.
class HangingWorld : public World {
 public:
  HangingWorld() {
    const auto reading = detector->on_saturation;
    detector->on_saturation = [this, reading](const epp_candidates& candidates, const epp_reservations& reservations,
                                              std::uint64_t& again_ns) {
      if (armed_.exchange(false)) door_.pass();
      return reading(candidates, reservations, again_ns);
    };
    dispatcher();
  }

  void hang() {
    armed_ = true;
    thread_ = std::thread([this] { victim_ = dispatcher().enqueue({.fairness_id = "victim"}, [](const Verdict&) {}); });
    door_.await_visitor();
    detector->ledger().suspend();
  }
  /// Returns what became of the request whose thread was kept.
  Outcome release() {
    detector->ledger().resume();
    door_.open();
    thread_.join();
    const Outcome outcome = victim_.verdict.outcome;
    victim_.ticket.reset();
    return outcome;
  }

 private:
  Door door_;
  std::atomic<bool> armed_{false};
  std::thread thread_;
  Dispatcher::Answer victim_;
};

TEST(HangingPolicy, NewcomersPassAQueueThatHeldNobodyBack) {
  HangingWorld world;
  world.places = 10;
  world.hang();
  for (int i = 0; i < 3; ++i) {
    const auto answer = world.dispatcher().enqueue({.fairness_id = "a"}, [](const Verdict&) { FAIL(); });
    EXPECT_EQ(answer.verdict.outcome, Outcome::kDispatched);
    EXPECT_EQ(answer.ticket, nullptr) << "the queue knows nothing of it";
  }
  EXPECT_EQ(world.detector->ledger().passed_over_count(), 3u);
  EXPECT_EQ(world.release(), Outcome::kDispatched);
  EXPECT_EQ(world.ask("later").outcome(), Outcome::kDispatched);
  EXPECT_EQ(world.observer.count(Outcome::kDispatched), 2u);
}

TEST(HangingPolicy, NewcomersAreRefusedByAQueueThatHeldOthersBack) {
  HangingWorld world;
  Client& running = world.ask("running");
  Client& waiting = world.ask("waiting");
  ASSERT_TRUE(waiting.waits());
  world.hang();
  const auto answer = world.dispatcher().enqueue({.fairness_id = "a"}, [](const Verdict&) { FAIL(); });
  EXPECT_EQ(answer.verdict.outcome, Outcome::kRejectedOther);
  EXPECT_EQ(answer.verdict.cause, Cause::kHung);
  EXPECT_EQ(answer.ticket, nullptr);
  EXPECT_EQ(world.release(), Outcome::kNotYetFinalized);
  world.finish(running);
  EXPECT_EQ(waiting.outcome(), Outcome::kDispatched);
}

// What ends meanwhile is not waited for, and counts when the policy is back.
TEST(HangingPolicy, RunningRequestsEndWithoutWaiting) {
  HangingWorld world;
  world.start_when_dispatched = false;
  world.places = 2;
  Client& one = world.ask("one");
  Client& two = world.ask("two");
  Client& three = world.ask("three");
  ASSERT_TRUE(three.waits());
  ASSERT_EQ(world.dispatcher().view().undecided, 2u);
  world.hang();
  one.ticket->scheduled(world.endpoint(0)->slot(), world.endpoint(0)->uid());
  one.ticket->settle(7);
  world.finish(one);
  world.finish(two);
  world.dispatcher().poke();
  world.dispatcher().on_alarm();
  const std::int32_t bands[] = {5};
  world.dispatcher().want_bands(bands);
  EXPECT_TRUE(three.waits());
  EXPECT_TRUE(world.observer.bands == std::vector<std::int32_t>{0});
  world.release();
  EXPECT_EQ(three.outcome(), Outcome::kDispatched);
  EXPECT_TRUE(world.observer.bands == (std::vector<std::int32_t>{0, 5}));
  EXPECT_EQ(world.dispatcher().view().undecided, 1u);
}

TEST(HangingPolicy, ViewShowsWhatWasSeenLast) {
  HangingWorld world;
  world.ask("running");
  world.ask("waiting");
  ASSERT_EQ(world.dispatcher().view().length, 1u);
  world.hang();
  const View view = world.dispatcher().view();
  EXPECT_EQ(view.length, 1u);
  EXPECT_NE(view.closed_because.find("does not answer"), std::string::npos) << view.closed_because;
  world.release();
  EXPECT_EQ(world.dispatcher().view().closed_because.find("does not answer"), std::string::npos);
}

// The policy may be looking at the request, whose memory goes with the ticket.
TEST(HangingPolicy, WaitingRequestIsWithdrawnWhenThePolicyIsBack) {
  HangingWorld world;
  world.ask("running");
  Client& waiting = world.ask("waiting");
  world.hang();
  std::future<void> gone = std::async(std::launch::async, [&] { world.cancel(waiting); });
  EXPECT_EQ(gone.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  world.release();
  gone.wait();
  EXPECT_TRUE(waiting.waits());
  EXPECT_EQ(world.observer.count(Outcome::kEvictedContextCancelled), 2u);
}

TEST(HangingPolicy, StopTakesEffectWhenItIsBack) {
  HangingWorld world;
  world.ask("running");
  Client& waiting = world.ask("waiting");
  world.hang();
  world.dispatcher().stop();
  EXPECT_TRUE(waiting.waits());
  world.release();
  EXPECT_EQ(waiting.outcome(), Outcome::kEvictedOther);
  EXPECT_EQ(waiting.verdict->cause, Cause::kShutdown);
}

}  // namespace
}  // namespace epp::flowcontrol
