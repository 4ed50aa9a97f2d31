// A dispatcher that makes room: a waiting request, the one that is stopped for it, and the next look.
#include "flowcontrol/reclaimer.h"
#include "unit/flowcontrol/world.h"
#include "unit/flowcontrol_reclaimer/running_pool.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using testing::Client;
using testing::kMs;
using testing::World;
using Names = std::vector<std::string>;

class Eviction : public ::testing::Test {
 protected:
  void SetUp() override {
    world.places = 2;
    world.options.bands = {testing::band(0), testing::band(-5), testing::band(-10)};
    world.options.default_ttl_ns = 0;  // nobody leaves by himself
    world.reclaimer = &reclaimer;
  }

  // A request that is dispatched at once and runs until it is ended.
  Client& run(const std::string& name, std::int32_t priority) {
    Client& client = world.ask(name, {.priority = priority});
    EXPECT_EQ(client.outcome(), Outcome::kDispatched) << name;
    epp_running_request running{};
    running.size = sizeof running;
    running.priority = priority;
    running.id = {"same", 4};
    running.serial = ++serial_;
    running.dispatched_ns = world.clock.now;
    serials_[&client] = running.serial;
    reclaimer.track(running, std::make_shared<Signal>(*this, name));
    world.advance(kMs);
    return client;
  }
  // The stream has ended: as lifecycle does, the reclaimer hears of it first.
  void end(Client& client) {
    reclaimer.untrack(serials_.at(&client), world.clock.now);
    world.finish(client);
  }

  testing::Observed observed;
  Reclaimer reclaimer{{.grace_ns = 10 * kMs}, observed};
  Names evicted;  // in the order of the signals
  World world;

 private:
  struct Signal final : Evictable {
    Signal(Eviction& test, std::string of) : test_(test), name_(std::move(of)) {}
    void evict(std::string_view) override { test_.evicted.push_back(name_); }
    Eviction& test_;
    const std::string name_;
  };

  std::uint64_t serial_ = 0;
  std::map<const Client*, std::uint64_t> serials_;
};

TEST_F(Eviction, C34_AWaitingRequestTakesTheNewestSheddablesPlace) {
  run("old", -5);
  Client& newest = run("new", -5);
  Client& waiting = world.ask("waiting", {.priority = 0});
  EXPECT_TRUE(waiting.waits());
  EXPECT_EQ(evicted, Names{"new"});
  end(newest);
  EXPECT_EQ(waiting.outcome(), Outcome::kDispatched) << "its place is free, the gate needs no grace";
  EXPECT_EQ(observed.issued_for, (std::map<std::int32_t, unsigned>{{0, 1}}));
  EXPECT_EQ(observed.confirmations.size(), 1u);
}

TEST_F(Eviction, C35_OnlyForDemandAboveTheVictim) {
  run("a", -5);
  run("b", -5);
  Client& same = world.ask("same", {.priority = -5});
  EXPECT_TRUE(same.waits());
  EXPECT_EQ(evicted, Names{});
  world.cancel(same);
}

TEST_F(Eviction, C35_TheDemandIsTheHighestBandThatWaitsNotTheFirstThatIsGated) {
  run("a", -10);
  run("b", -10);
  world.ask("waiting", {.priority = -5});
  EXPECT_EQ(evicted, Names{"b"}) << "band 0 is gated too, and empty";
  EXPECT_EQ(observed.issued_for, (std::map<std::int32_t, unsigned>{{-5, 1}}));
}

TEST_F(Eviction, NobodyIsStoppedWhileTheGateIsOpen) {
  run("a", -5);
  world.ask("b", {.priority = 0});
  EXPECT_EQ(evicted, Names{});
}

// Two wait and nothing else happens: the second decision comes from the alarm that ends the grace.
TEST_F(Eviction, TheNextDecisionComesWithoutAnotherEvent) {
  world.places = 4;
  for (const char* name : {"a", "b", "c"})
    run(name, -5);
  Client& last = run("d", -5);
  Client& first = world.ask("first");
  Client& second = world.ask("second");
  EXPECT_EQ(evicted, Names{"d"}) << "at the ceiling one is stopped";
  end(last);
  EXPECT_FALSE(first.waits());
  EXPECT_TRUE(second.waits());
  EXPECT_EQ(evicted, Names{"d"});
  world.advance(10 * kMs - 1);
  EXPECT_EQ(evicted, Names{"d"}) << "readings may not show it yet";
  world.advance(1);
  EXPECT_EQ(evicted, (Names{"d", "c"}));
}

TEST_F(Eviction, AStreamThatDoesNotEndHoldsTheNextOneUpForTheConfirmationTimeOnly) {
  run("a", -5);
  run("stuck", -5);
  world.ask("waiting");
  EXPECT_EQ(evicted, Names{"stuck"});
  world.advance(10'000 * kMs + 10 * kMs - 1);
  EXPECT_EQ(evicted, Names{"stuck"});
  world.advance(1);
  EXPECT_EQ(evicted, (Names{"stuck", "a"}));
  EXPECT_EQ(observed.timeouts, 1u);
}

TEST_F(Eviction, W18_ARequestThatEndsByItselfMeanwhileLetsTheWaiterGo) {
  Client& old = run("old", -5);
  Client& newest = run("new", -5);
  Client& waiting = world.ask("waiting");
  EXPECT_EQ(evicted, Names{"new"});
  end(old);
  EXPECT_EQ(waiting.outcome(), Outcome::kDispatched);
  EXPECT_EQ(reclaimer.status(world.clock.now).outstanding, 1u);
  end(newest);
  EXPECT_EQ(observed.confirmations.size(), 1u);
  world.advance(10 * kMs);
  EXPECT_EQ(reclaimer.status(world.clock.now).cooling, 0u);
}

}  // namespace
}  // namespace epp::flowcontrol
