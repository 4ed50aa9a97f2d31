// Times one call in 1024 of this thread, if anybody wants to know: for calls that take less than reading the clock
// does. Internal to the room.
#pragma once

#include "plugins/environment.h"
#include "plugins/instance.h"

#include <cstdint>

namespace epp::plugins {

class SampledTimer {
 public:
  SampledTimer(const Instance& instance, ExtensionPoint point)
      : instance_(instance), point_(point), timed_(instance.observer() != nullptr && (++calls_ & 1023u) == 0) {
    if (timed_) started_ns_ = clock().now_ns();
  }
  ~SampledTimer() {
    if (timed_) instance_.observer()->on_call(instance_, point_, clock().now_ns() - started_ns_);
  }
  SampledTimer(const SampledTimer&) = delete;
  SampledTimer& operator=(const SampledTimer&) = delete;

 private:
  inline static thread_local uint32_t calls_ = 0;
  const Instance& instance_;
  ExtensionPoint point_;
  bool timed_;
  uint64_t started_ns_ = 0;
};

}  // namespace epp::plugins
