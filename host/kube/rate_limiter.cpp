#include "kube/rate_limiter.h"

#include <algorithm>

namespace epp::kube {

std::chrono::nanoseconds RateLimiter::reserve(TimePoint now) {
  if (!(per_second_ > 0)) return {};
  std::lock_guard lock(mutex_);
  const double passed = std::chrono::duration<double>(std::max(now, last_) - last_).count();
  last_ = std::max(now, last_);
  booked_ = std::max(0.0, booked_ - passed * per_second_) + 1;
  if (booked_ <= burst_) return {};
  const std::chrono::duration<double> wait((booked_ - burst_) / per_second_);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::min(wait, decltype(wait)(86400)));
}

}  // namespace epp::kube
