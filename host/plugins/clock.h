// Host time as plugins see it (host/clock functions have no context, so it is process-wide). [any thread]
#pragma once

#include <cstdint>

namespace epp::plugins {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t now_ns() const = 0;   // monotonic
  virtual uint64_t wall_ns() const = 0;  // since the Unix epoch
};
const Clock& clock();
// Replaces the clock, for tests; nullptr restores the system's. Not while plugins run.
void install_clock(const Clock* clock);

}  // namespace epp::plugins
