#include "app/timer_alarm.h"

#include "plugins/environment.h"

#include <chrono>

namespace epp::app {

using flowcontrol::kNever;
using flowcontrol::Nanos;

void TimerAlarm::arm(Nanos at) {
  const std::lock_guard lock(mutex_);
  wanted_ = at;
  if (!stopped_ && wanted_ < scheduled_) schedule();
}

void TimerAlarm::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  timer_.cancel();
}

void TimerAlarm::schedule() {
  scheduled_ = wanted_;
  const Nanos now = plugins::clock().now_ns();
  const Nanos delay = wanted_ > now ? wanted_ - now : 0;
  timer_.once(std::chrono::nanoseconds(delay), [this] { fire(); });
}

void TimerAlarm::fire() {
  {
    const std::lock_guard lock(mutex_);
    scheduled_ = kNever;
    if (stopped_ || wanted_ == kNever) return;
    if (wanted_ > plugins::clock().now_ns()) {
      schedule();
      return;
    }
    wanted_ = kNever;
  }
  due_();
}

}  // namespace epp::app
