// A token bucket that tells each request how long to wait for its turn.
#pragma once

#include <chrono>
#include <mutex>

namespace epp::kube {

class RateLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `burst` requests at once, then `per_second`; not limited when that is not positive. A burst of 0 counts as 1.
  RateLimiter(double per_second, unsigned burst) : per_second_(per_second), burst_(burst == 0 ? 1 : burst) {}

  // Books one request and says how long after `now` it may go. Turns are given in the order of the calls. [any-thread]
  [[nodiscard]] std::chrono::nanoseconds reserve(TimePoint now);

 private:
  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  double booked_ = 0;  // requests beyond what the passed time has paid for; above burst_ they wait
  TimePoint last_;
};

}  // namespace epp::kube
