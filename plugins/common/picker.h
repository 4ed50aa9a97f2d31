// What the three pickers share: their one parameter and the order they start from.
#pragma once

#include "random.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

namespace epp::builtin {

inline constexpr std::string_view kPickerSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "maxNumOfEndpoints": {
      "type": "integer", "default": 1,
      "description": "Targets to pick at most; 0 and less mean 1."
    }
  }
})json";

inline uint32_t max_endpoints(const sdk::Parameters& parameters) {
  const int64_t wanted = parameters.integer("/maxNumOfEndpoints", 1);
  return static_cast<uint32_t>(std::clamp<int64_t>(wanted, 1, UINT32_MAX));
}

// All positions in random order.
inline std::vector<uint32_t> shuffled_positions(uint32_t count) {
  std::vector<uint32_t> positions(count);
  std::iota(positions.begin(), positions.end(), 0u);
  shuffle(positions, Random::local());
  return positions;
}

inline void pick_first(const std::vector<uint32_t>& positions, uint32_t limit, sdk::Picks& picks) {
  for (size_t i = 0; i < positions.size() && i < limit; ++i)
    picks.add(positions[i]);
}

}  // namespace epp::builtin
