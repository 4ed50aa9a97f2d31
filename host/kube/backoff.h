// Exponential backoff with jitter, of one stream of attempts.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace epp::kube {

class Backoff {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Random = std::function<double()>;  // uniform in [0, 1)

  // Waits of first, 2 first, 4 first, ... at most `longest`, each shortened by up to a half at random, so that the
  // clients of a server that comes back do not come in step. So long without a failure begins again.
  static constexpr std::chrono::seconds kForgetAfter{120};

  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest) : first_(first), longest_(longest) {}

  // One more failure: how long to wait.
  [[nodiscard]] std::chrono::milliseconds next(TimePoint now, const Random& random) {
    if (now - last_ > kForgetAfter) reset();
    last_ = now;
    current_ = current_.count() == 0 ? std::min(first_, longest_) : std::min(current_ * 2, longest_);
    const auto half = static_cast<double>(current_.count()) / 2;
    return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(half + half * random()));
  }
  void reset() { current_ = std::chrono::milliseconds(0); }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds current_{0};
  TimePoint last_{};
};

}  // namespace epp::kube
