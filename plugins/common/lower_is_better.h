// Linear spread of a load over the candidates of one call.
#pragma once

#include <epp/plugin.hpp>

#include <span>

namespace epp::builtin {

inline constexpr double kLargestLoad = 1e300;

// scores[i] = (max - value[i]) / (max - min); all 1.0 when every value is the same. Missing values count as 0: a server
// that was never scraped looks idle. Infinite ones are cut to a value whose differences are finite.
inline void score_lower_is_better(const sdk::F64View& values, std::span<double> scores) {
  if (scores.empty()) return;
  double min = kLargestLoad;
  double max = -kLargestLoad;
  for (uint32_t i = 0; i < scores.size(); ++i) {
    // Selections, not std::clamp: no branch depends on a value.
    double value = values.or_else(i, 0);
    value = value > -kLargestLoad ? value : -kLargestLoad;
    value = value < kLargestLoad ? value : kLargestLoad;
    min = value < min ? value : min;
    max = value > max ? value : max;
    scores[i] = value;
  }
  for (double& score : scores)
    score = max > min ? (max - score) / (max - min) : 1.0;
}

}  // namespace epp::builtin
