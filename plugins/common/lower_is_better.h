// Linear spread of a load over the candidates of one call.
#pragma once

#include "extremes.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <span>

namespace epp::builtin {

namespace detail {

inline constexpr double kLargestLoad = 1e300;

inline double bounded(double load) {
  return load < -kLargestLoad ? -kLargestLoad : load > kLargestLoad ? kLargestLoad : load;
}

inline void invert(std::span<double> loads, Extremes range) {
  const double width = range.max - range.min;
  if (width == 0) {
    std::fill(loads.begin(), loads.end(), 1.0);
  } else {
    for (double& load : loads)
      load = (range.max - load) / width;
  }
}

EPP_WIDE_LOOPS inline void score_many(const sdk::F64View& values, std::span<double> scores) {
  values.copy(scores, 0);
  Extremes range = extremes(scores);
  if (range.min < -kLargestLoad || range.max > kLargestLoad) {
    for (double& score : scores)
      score = bounded(score);
    range = {bounded(range.min), bounded(range.max)};
  }
  invert(scores, range);
}

}  // namespace detail

// scores[i] = (max - value[i]) / (max - min); all 1.0 when every value is the same. Missing values count as 0: a server
// that was never scraped looks idle. Infinite ones are cut to a value whose differences are finite.
inline void score_lower_is_better(const sdk::F64View& values, std::span<double> scores) {
  if (scores.size() >= sdk::detail::kManyValues) return detail::score_many(values, scores);
  Extremes range{detail::kLargestLoad, -detail::kLargestLoad};
  for (uint32_t i = 0; i < scores.size(); ++i) {
    scores[i] = detail::bounded(values.or_else(i, 0));
    range = {std::min(range.min, scores[i]), std::max(range.max, scores[i])};
  }
  detail::invert(scores, range);
}

}  // namespace epp::builtin
