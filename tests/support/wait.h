#pragma once

#include <chrono>
#include <cstdlib>
#include <thread>

namespace epp::testing {

using Clock = std::chrono::steady_clock;

// Generous on purpose: a deadline says "broken", not "slow".
inline constexpr std::chrono::seconds kPatience{20};

// Whether checks may take the minutes that they take in the reference; else they are done in short.
inline bool long_tests() {
  return std::getenv("EPP_LONG_TESTS") != nullptr;
}

// Polls `condition` until it holds; false if it does not by the deadline.
template <typename Condition>
bool wait_until(Condition condition, std::chrono::milliseconds patience = kPatience) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace epp::testing
