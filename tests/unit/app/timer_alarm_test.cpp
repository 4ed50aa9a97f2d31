#include "app/timer_alarm.h"

#include "net/io_pool.h"
#include "plugins/environment.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

namespace epp::app {
namespace {

using namespace std::chrono_literals;
using flowcontrol::Nanos;

Nanos in(std::chrono::nanoseconds delay) {
  return plugins::clock().now_ns() + static_cast<Nanos>(delay.count());
}

struct TimerAlarmTest : ::testing::Test {
  bool rings(int times) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 10s, [&] { return rung >= times; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  int rung = 0;
  Nanos rung_at = 0;
  net::IoPool pool{1};
  TimerAlarm alarm{pool, [this] {
                     const std::lock_guard lock(mutex);
                     ++rung;
                     rung_at = plugins::clock().now_ns();
                     changed.notify_all();
                   }};
};

TEST_F(TimerAlarmTest, RingsWhenDue) {
  const Nanos at = in(5ms);
  alarm.arm(at);
  ASSERT_TRUE(rings(1));
  EXPECT_GE(rung_at, at);
  alarm.arm(0);
  EXPECT_TRUE(rings(2)) << "a moment that has passed is now";
}

TEST_F(TimerAlarmTest, TheLastMomentArmedCounts) {
  alarm.arm(in(1h));
  alarm.arm(in(2ms));
  ASSERT_TRUE(rings(1)) << "sooner";
  const Nanos later = in(30ms);
  alarm.arm(in(5ms));
  alarm.arm(later);
  ASSERT_TRUE(rings(2));
  EXPECT_GE(rung_at, later) << "later: the timer comes too early and is set anew";
}

TEST_F(TimerAlarmTest, NeitherDisarmedNorStoppedAlarmsRing) {
  alarm.arm(in(5ms));
  alarm.arm(flowcontrol::kNever);
  bool passed = false;
  TimerAlarm after(pool, [&] {
    const std::lock_guard lock(mutex);
    passed = true;
    changed.notify_all();
  });
  after.arm(in(20ms));
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return passed; }));
    EXPECT_EQ(rung, 0);
  }
  alarm.arm(in(1ms));
  alarm.stop();
  const std::lock_guard lock(mutex);
  EXPECT_LE(rung, 1);
  const int before = rung;
  alarm.arm(0);
  EXPECT_EQ(rung, before);
}

}  // namespace
}  // namespace epp::app
