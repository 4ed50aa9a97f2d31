// The smallest and the largest of many numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace epp::builtin {

struct Extremes {
  double min;
  double max;
};

// Of one number or more, none of them NaN. Several at once, in chains of comparisons that need not wait for each
// other: what a compiler would do with a plain loop if it knew that nothing is NaN.
inline Extremes extremes(std::span<const double> values) {
  using Pair = double __attribute__((vector_size(16)));
  constexpr size_t kChains = 4;
  constexpr size_t kAtOnce = 2 * kChains;
  const auto smaller = [](Pair a, Pair b) { return a < b ? a : b; };
  const auto larger = [](Pair a, Pair b) { return a > b ? a : b; };
  Extremes all{values[0], values[0]};
  size_t i = 0;
  if (values.size() >= kAtOnce) {
    Pair min[kChains];
    Pair max[kChains];
    std::memcpy(min, values.data(), sizeof min);
    std::memcpy(max, values.data(), sizeof max);
    for (i = kAtOnce; i + kAtOnce <= values.size(); i += kAtOnce) {
      for (size_t chain = 0; chain < kChains; ++chain) {
        Pair next;
        std::memcpy(&next, values.data() + i + 2 * chain, sizeof next);
        min[chain] = smaller(min[chain], next);
        max[chain] = larger(max[chain], next);
      }
    }
    const Pair least = smaller(smaller(min[0], min[1]), smaller(min[2], min[3]));
    const Pair most = larger(larger(max[0], max[1]), larger(max[2], max[3]));
    all = {std::min(least[0], least[1]), std::max(most[0], most[1])};
  }
  for (; i < values.size(); ++i) {
    all.min = std::min(all.min, values[i]);
    all.max = std::max(all.max, values[i]);
  }
  return all;
}

}  // namespace epp::builtin
