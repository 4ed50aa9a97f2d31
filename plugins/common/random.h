// Per-thread random numbers: no lock, no allocation, no destructor that would pin a library.
#pragma once

#include <cstdint>
#include <random>
#include <utility>

namespace epp::builtin {

// SplitMix64; good enough to spread requests, not for secrets.
class Random {
 public:
  // Seeds once per thread from the system.
  static Random& local() {
    thread_local Random generator;
    if (!generator.seeded_) {
      std::random_device device;
      generator.state_ = (uint64_t{device()} << 32) ^ device();
      generator.seeded_ = true;
    }
    return generator;
  }

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // 0 <= result < bound, bound > 0. The bias of the multiply-shift is below 2^-32.
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(((next() >> 32) * bound) >> 32); }

  // 0 < result < 1
  double unit() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1.0p-52; }

 private:
  constexpr Random() = default;
  uint64_t state_ = 0;
  bool seeded_ = false;
};

// Uniform shuffle.
template <typename Range>
void shuffle(Range& range, Random& random) {
  for (auto n = static_cast<uint32_t>(range.size()); n > 1; --n)
    std::swap(range[n - 1], range[random.below(n)]);
}

}  // namespace epp::builtin
