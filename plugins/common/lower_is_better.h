// Linear spread of a load over the candidates of one call.
#pragma once

#include <epp/plugin.hpp>

#include <algorithm>
#include <span>

namespace epp::builtin {

// scores[i] = (max - value[i]) / (max - min); all 1.0 when every value is the same. Missing values count as 0: a server
// that was never scraped looks idle.
inline void score_lower_is_better(const sdk::F64View& values, std::span<double> scores) {
  if (scores.empty()) return;
  for (uint32_t i = 0; i < scores.size(); ++i)
    scores[i] = values.or_else(i, 0);
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  const double min = *low;
  const double max = *high;
  for (double& score : scores)
    score = max > min ? (max - score) / (max - min) : 1.0;
}

}  // namespace epp::builtin
