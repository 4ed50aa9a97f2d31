// The alarm of a dispatcher, over one timer of the host.
#pragma once

#include "flowcontrol/dispatcher.h"
#include "net/timer.h"

#include <functional>
#include <mutex>

namespace epp::app {

// A later moment than the one armed costs nothing: the timer that comes too early arms itself anew.
class TimerAlarm final : public flowcontrol::Alarm {
 public:
  // `due` runs on a thread of the pool, without a lock held.
  TimerAlarm(net::IoPool& pool, std::function<void()> due) : due_(std::move(due)), timer_(pool) {}
  void arm(flowcontrol::Nanos at) override;
  // Afterwards `due` neither runs nor will run, unless called from it.
  void stop();

 private:
  void schedule();
  void fire();

  const std::function<void()> due_;
  std::mutex mutex_;
  bool stopped_ = false;
  flowcontrol::Nanos wanted_ = flowcontrol::kNever;
  flowcontrol::Nanos scheduled_ = flowcontrol::kNever;
  net::Timer timer_;
};

}  // namespace epp::app
