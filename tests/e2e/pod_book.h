#pragma once

#include "support/wait.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace epp::testing {

// When the EPP could not know what the API server knows: no watch was connected.
struct BlindSpan {
  Clock::time_point from;
  std::optional<Clock::time_point> until;
};

// What the test has told the API server about each pod, by the pod's address, and hence which picks were wrong.
// Thread-safe.
class PodBook {
 public:
  // The pod may get requests from now on, or may no more: deleted, unready or no longer selected.
  void live(const std::string& address);
  void gone(const std::string& address);

  void blind();
  void sees_again();

  // For how long the pod had been gone when a request to it began, as far as the EPP could know: time without a watch
  // does not count. Nothing: it was live, then or before the request's end, when it may have been picked.
  std::optional<Clock::duration> gone_for(const std::string& address, Clock::time_point start,
                                          Clock::time_point end) const;

 private:
  struct Absence {
    Clock::time_point from;
    std::optional<Clock::time_point> until;
  };

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Absence>> absences_;
  std::vector<BlindSpan> blind_;
};

}  // namespace epp::testing
