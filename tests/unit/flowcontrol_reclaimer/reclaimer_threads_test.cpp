// Streams come, answer and end on their own threads while a dispatcher evicts: every account comes out even.
#include "flowcontrol/reclaimer.h"
#include "unit/flowcontrol/door.h"
#include "unit/flowcontrol_reclaimer/running_pool.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

struct Counting final : ReclaimObserver {
  void issued(std::int32_t) override { ++issued_count; }
  void confirmed(Nanos) override { ++confirmed_count; }
  void timed_out() override { ++timeouts; }
  void sized(double, double pending) override { last_pending = pending; }
  // Plain: all of them are told under the reclaimer's lock.
  std::uint64_t issued_count = 0, confirmed_count = 0, timeouts = 0;
  double last_pending = 0;
};

struct Stream final : Evictable {
  void evict(std::string_view reason) override {
    EXPECT_EQ(reason, kEvictedReason);
    EXPECT_FALSE(told.exchange(true)) << "a stream is told once";
  }
  std::atomic<bool> told{false};
};

TEST(ReclaimerThreads, NothingIsLeftPending) {
  constexpr int kStreamThreads = 3;
  constexpr std::uint64_t kEvictions = 100;
  constexpr std::size_t kAtOnce = 16;
  Counting observer;
  std::atomic<Nanos> clock{1'000};
  std::atomic<std::uint64_t> serial{0};
  Reclaimer reclaimer({.grace_ns = 50, .confirm_timeout_ns = 1'000'000'000'000}, observer);

  std::vector<std::thread> threads;
  std::atomic<bool> enough{false};
  for (int t = 0; t < kStreamThreads; ++t) {
    threads.emplace_back([&, t] {
      struct Open {
        std::uint64_t serial;
        std::shared_ptr<Stream> stream;
      };
      std::vector<Open> open;
      std::mt19937 random(static_cast<unsigned>(t));
      const auto end = [&](std::size_t i) {
        reclaimer.untrack(open[i].serial, ++clock);
        open[i] = open.back();
        open.pop_back();
      };
      for (unsigned n = 0; !enough; ++n) {
        Open request{++serial, std::make_shared<Stream>()};
        epp_running_request running{};
        running.size = sizeof running;
        running.priority = -static_cast<std::int32_t>(random() % 3);
        running.id = {"same", 4};
        running.serial = request.serial;
        running.dispatched_ns = ++clock;
        reclaimer.track(running, request.stream);
        open.push_back(std::move(request));
        reclaimer.progressed(open[random() % open.size()].serial, n % 7);
        for (std::size_t i = open.size(); i-- > 0;) {
          if (open[i].stream->told || open.size() > kAtOnce) end(i);
        }
      }
      while (!open.empty())
        end(open.size() - 1);
    });
  }
  std::uint64_t stopped = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (stopped < kEvictions && std::chrono::steady_clock::now() < deadline) {
    const Nanos now = ++clock;
    if (reclaimer.victim_priority(now).value_or(1) < 1)
      stopped += reclaimer.reclaim({.saturation = 1.5, .ceiling = 1, .priority = 1}, now);
    (void)reclaimer.next_decision(now);
    std::this_thread::yield();
  }
  enough = true;
  for (auto& thread : threads)
    thread.join();

  const auto status = reclaimer.status(clock + 1'000);
  EXPECT_EQ(status.running, 0u);
  EXPECT_EQ(status.evictable, 0u);
  EXPECT_EQ(status.outstanding, 0u);
  EXPECT_EQ(status.cooling, 0u);
  EXPECT_EQ(status.pending, 0);
  EXPECT_EQ(observer.last_pending, 0);
  EXPECT_EQ(observer.issued_count, stopped);
  EXPECT_EQ(observer.confirmed_count, stopped);
  EXPECT_EQ(observer.timeouts, 0u);
  EXPECT_GE(stopped, kEvictions);
}

epp_running_request sheddable(std::uint64_t serial) {
  epp_running_request request{};
  request.size = sizeof request;
  request.priority = -1;
  request.serial = serial;
  return request;
}

// A policy that does not return keeps its caller only, and once the watchdog has seen it nothing is kept for it.
TEST(ReclaimerThreads, FilterThatHangsKeepsNoOtherRequest) {
  testing::Door door;
  std::atomic<unsigned> asked{0};
  Counting observer;
  const auto filter = testing::Policy::filtering([&](const epp_running_request& request) {
    ++asked;
    if (request.serial == 1) door.pass();
    return true;
  });
  Reclaimer reclaimer({.filter = filter}, observer);
  const auto stream = std::make_shared<Stream>();
  std::thread first([&] { reclaimer.track(sheddable(1), stream); });
  door.await_visitor();
  reclaimer.track(sheddable(2), stream);
  reclaimer.track(sheddable(3), stream);
  reclaimer.progressed(2, 4);
  reclaimer.untrack(3, 0);
  EXPECT_EQ(reclaimer.status(0).running, 2u);
  EXPECT_EQ(reclaimer.status(0).evictable, 0u);
  EXPECT_EQ(asked, 1u);
  filter->ledger().suspend();
  reclaimer.track(sheddable(4), stream);
  EXPECT_EQ(filter->ledger().passed_over_count(), 1u);
  filter->ledger().resume();
  door.open();
  first.join();
  EXPECT_EQ(asked, 3u);
  EXPECT_EQ(reclaimer.status(0).evictable, 2u);
}

TEST(ReclaimerThreads, OrderingThatHangsKeepsNoOtherRequest) {
  testing::Door door;
  Counting observer;
  Reclaimer reclaimer(
      {.ordering = testing::Policy::ordering_by([&](const epp_running_request& a, const epp_running_request& b) {
         door.pass();
         return a.serial < b.serial;
       }),
       .max_per_decision = 1},
      observer);
  const auto chosen = std::make_shared<Stream>();
  reclaimer.track(sheddable(1), chosen);
  reclaimer.track(sheddable(2), std::make_shared<Stream>());
  unsigned stopped = 0;
  std::thread decides([&] { stopped = reclaimer.reclaim({.saturation = 2, .ceiling = 1, .priority = 0}, 0); });
  door.await_visitor();
  reclaimer.untrack(1, 0);
  EXPECT_EQ(reclaimer.status(0).running, 1u);
  door.open();
  decides.join();
  EXPECT_EQ(stopped, 0u) << "it has ended meanwhile";
  EXPECT_FALSE(chosen->told);
}

}  // namespace
}  // namespace epp::flowcontrol
