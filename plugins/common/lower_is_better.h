// Linear spread of a load over the candidates of one call.
#pragma once

#include "extremes.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <span>

namespace epp::builtin {

// scores[i] = (max - value[i]) / (max - min); all 1.0 when every value is the same. Missing values count as 0: a server
// that was never scraped looks idle. Infinite ones are cut to a value whose differences are finite.
EPP_WIDE_LOOPS inline void score_lower_is_better(const sdk::F64View& values, std::span<double> scores) {
  constexpr double kLargest = 1e300;
  if (scores.empty()) return;
  values.copy(scores, 0);
  Extremes loads = extremes(scores);
  if (loads.min < -kLargest || loads.max > kLargest) {
    for (double& score : scores)
      score = std::clamp(score, -kLargest, kLargest);
    loads = extremes(scores);
  }
  const double width = loads.max - loads.min;
  if (width == 0) {
    std::fill(scores.begin(), scores.end(), 1.0);
  } else {
    for (double& score : scores)
      score = (loads.max - score) / width;
  }
}

}  // namespace epp::builtin
