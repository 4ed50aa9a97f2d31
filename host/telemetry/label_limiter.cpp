#include "telemetry/label_limiter.h"

#include <mutex>

namespace epp::telemetry {

std::string_view LabelLimiter::fold(std::string_view value) {
  if (value.empty()) return value;
  {
    std::shared_lock lock(mutex_);
    if (pinned_.contains(value) || seen_.contains(value)) return value;
    if (seen_.size() >= max_distinct_ || value.size() > kMaxLength) return kOther;
  }
  std::unique_lock lock(mutex_);
  if (pinned_.contains(value) || seen_.contains(value)) return value;
  if (seen_.size() >= max_distinct_) return kOther;
  seen_.emplace(value);
  return value;
}

void LabelLimiter::pin(std::string_view value) {
  if (value.empty()) return;
  std::unique_lock lock(mutex_);
  pinned_.emplace(value);
  if (const auto it = seen_.find(value); it != seen_.end()) seen_.erase(it);
}

void LabelLimiter::release(std::string_view value) {
  std::unique_lock lock(mutex_);
  if (const auto it = seen_.find(value); it != seen_.end()) seen_.erase(it);
}

std::size_t LabelLimiter::distinct() const {
  std::shared_lock lock(mutex_);
  return seen_.size();
}

}  // namespace epp::telemetry
