// How fast a queue empties, for telling clients when to come back.
#pragma once

#include <cmath>
#include <cstdint>
#include <mutex>

namespace epp::lifecycle {

/// Departures a second, those of long ago counting less: an exponentially decaying mean over 10 s. [any thread]
class DrainRate {
 public:
  void departed(std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    decay(now_ns);
    weight_ += 1;
  }
  double per_second(std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    decay(now_ns);
    return weight_ / kMeanSeconds;
  }

 private:
  static constexpr double kMeanSeconds = 10;

  void decay(std::uint64_t now_ns) {
    if (now_ns <= at_ns_) return;
    weight_ *= std::exp(-static_cast<double>(now_ns - at_ns_) * 1e-9 / kMeanSeconds);
    at_ns_ = now_ns;
  }

  std::mutex mutex_;
  double weight_ = 0;
  std::uint64_t at_ns_ = 0;
};

}  // namespace epp::lifecycle
