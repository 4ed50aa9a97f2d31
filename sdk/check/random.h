// Random values from a seed: the same run for the same seed.
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace epp::check {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // 0..limit-1; 0 for limit 0.
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : engine_() % limit; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  double fraction() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  uint64_t bits() { return engine_(); }
  template <typename T>
  const T& of(std::span<const T> choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace epp::check
