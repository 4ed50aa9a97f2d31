#include "pod_book.h"

#include <algorithm>

namespace epp::testing {

void PodBook::live(const std::string& address) {
  const std::lock_guard lock(mutex_);
  auto& absences = absences_[address];
  if (!absences.empty() && !absences.back().until) absences.back().until = Clock::now();
}

void PodBook::gone(const std::string& address) {
  const std::lock_guard lock(mutex_);
  auto& absences = absences_[address];
  if (absences.empty() || absences.back().until) absences.push_back({Clock::now(), std::nullopt});
}

void PodBook::blind() {
  const std::lock_guard lock(mutex_);
  blind_.push_back({Clock::now(), std::nullopt});
}

void PodBook::sees_again() {
  const std::lock_guard lock(mutex_);
  blind_.back().until = Clock::now();
}

std::optional<Clock::duration> PodBook::gone_for(const std::string& address, Clock::time_point start,
                                                 Clock::time_point end) const {
  const std::lock_guard lock(mutex_);
  const auto found = absences_.find(address);
  if (found == absences_.end()) return std::nullopt;
  for (const Absence& absence : found->second) {
    if (start < absence.from || (absence.until && end >= *absence.until)) continue;
    Clock::time_point since = absence.from;
    for (const BlindSpan& span : blind_) {
      // News from shortly before the cut may not have arrived either: at most the second that it may take.
      if (span.from <= since + std::chrono::seconds(1)) since = std::max(since, span.until.value_or(start));
    }
    return std::max(start - since, Clock::duration::zero());
  }
  return std::nullopt;
}

}  // namespace epp::testing
