#include "net/timer.h"

#include "net/io_pool.h"
#include "unit/net/events.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace epp::net {
namespace {

using std::chrono::milliseconds;
using testing::Events;

TEST(IoPool, RunsWorkOnItsThreadsAndSurvivesExceptions) {
  Events<std::string> faults;
  IoPool pool(2, "test", [&](std::string_view what) { faults.push(std::string(what)); });
  EXPECT_EQ(pool.threads(), 2u);
  EXPECT_FALSE(pool.on_pool_thread());
  pool.post([] { throw std::runtime_error("boom"); });
  EXPECT_EQ(faults.next(), "boom");
  std::promise<bool> inside;
  pool.post([&] { inside.set_value(pool.on_pool_thread()); });
  EXPECT_TRUE(inside.get_future().get());
}

TEST(IoPool, StopWithGraceRunsWhatIsPosted) {
  std::atomic<int> runs{0};
  IoPool pool(1);
  for (int i = 0; i < 100; ++i)
    pool.post([&] { ++runs; });
  pool.stop(milliseconds(10'000));
  EXPECT_EQ(runs, 100);
  pool.stop();
  pool.post([&] { ++runs; });
  EXPECT_EQ(runs, 100);
}

TEST(Timer, RunsOnce) {
  IoPool pool(1);
  Timer timer(pool);
  Events<int> runs;
  timer.once(milliseconds(1), [&] { runs.push(1); });
  ASSERT_TRUE(runs.next());
  EXPECT_FALSE(runs.next(milliseconds(20)));
}

TEST(Timer, RunsAgainAndAgainUntilCancelled) {
  IoPool pool(2);
  Timer timer(pool);
  Events<int> runs;
  timer.every(milliseconds(1), [&] { runs.push(1); });
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(runs.next());
  timer.cancel();
  const std::size_t left = runs.size();
  EXPECT_FALSE(testing::eventually([&] { return runs.size() != left; }, milliseconds(20)));
}

TEST(Timer, CancelWaitsForTheRunningCallback) {
  IoPool pool(2);
  Timer timer(pool);
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> left{false};
  timer.once(milliseconds(0), [&] {
    entered.set_value();
    leave.get_future().wait();
    left = true;
  });
  entered.get_future().wait();
  auto cancelled = std::async(std::launch::async, [&] {
    timer.cancel();
    return left.load();
  });
  leave.set_value();
  EXPECT_TRUE(cancelled.get()) << "the callback had ended when cancel returned";
}

TEST(Timer, ACallbackMayCancelOrReplaceItsOwnTimer) {
  IoPool pool(1);
  Timer timer(pool);
  Events<int> runs;
  timer.every(milliseconds(1), [&] {
    runs.push(1);
    timer.once(milliseconds(1), [&] {
      runs.push(2);
      timer.cancel();
    });
  });
  EXPECT_EQ(runs.next(), 1);
  EXPECT_EQ(runs.next(), 2);
  EXPECT_FALSE(runs.next(milliseconds(20)));
}

TEST(Timer, KeepsItsGridAndDropsMissedTicks) {
  IoPool pool(1);
  Timer timer(pool);
  Events<std::chrono::steady_clock::time_point> runs;
  std::promise<void> go;
  std::atomic<bool> first{true};
  timer.every(milliseconds(5), [&] {
    runs.push(std::chrono::steady_clock::now());
    if (first.exchange(false)) go.get_future().wait();
  });
  const auto start = runs.next();
  ASSERT_TRUE(start);
  // Ticks pass by while the callback blocks; they must not be made up for.
  testing::eventually([] { return false; }, milliseconds(60));
  go.set_value();
  const auto second = runs.next();
  const auto third = runs.next();
  ASSERT_TRUE(second && third);
  EXPECT_GE(*second - *start, milliseconds(55));
  EXPECT_GE(*third - *second, milliseconds(1)) << "a burst would come at once";
}

}  // namespace
}  // namespace epp::net
