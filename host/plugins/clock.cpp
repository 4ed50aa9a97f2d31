#include "plugins/clock.h"

#include <atomic>
#include <chrono>

namespace epp::plugins {

namespace {

template <typename Source>
uint64_t nanoseconds() {
  const auto since = Source::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

class SystemClock final : public Clock {
 public:
  uint64_t now_ns() const override { return nanoseconds<std::chrono::steady_clock>(); }
  uint64_t wall_ns() const override { return nanoseconds<std::chrono::system_clock>(); }
};

const SystemClock kSystemClock;
std::atomic<const Clock*> g_clock{&kSystemClock};

}  // namespace

const Clock& clock() {
  return *g_clock.load(std::memory_order_acquire);
}

void install_clock(const Clock* clock) {
  g_clock.store(clock != nullptr ? clock : &kSystemClock, std::memory_order_release);
}

}  // namespace epp::plugins
