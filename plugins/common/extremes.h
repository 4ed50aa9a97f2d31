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
  Pair min[kChains];
  Pair max[kChains];
  for (size_t chain = 0; chain < kChains; ++chain)
    min[chain] = max[chain] = Pair{values[0], values[0]};
  size_t i = 0;
  for (; i + kAtOnce <= values.size(); i += kAtOnce) {
    for (size_t chain = 0; chain < kChains; ++chain) {
      Pair next;
      std::memcpy(&next, values.data() + i + 2 * chain, sizeof next);
      min[chain] = next < min[chain] ? next : min[chain];
      max[chain] = next > max[chain] ? next : max[chain];
    }
  }
  Extremes all{values[0], values[0]};
  const auto add = [&all](double smallest, double largest) {
    all.min = std::min(all.min, smallest);
    all.max = std::max(all.max, largest);
  };
  for (size_t chain = 0; chain < kChains; ++chain) {
    for (const size_t lane : {0u, 1u})
      add(min[chain][lane], max[chain][lane]);
  }
  for (; i < values.size(); ++i)
    add(values[i], values[i]);
  return all;
}

}  // namespace epp::builtin
