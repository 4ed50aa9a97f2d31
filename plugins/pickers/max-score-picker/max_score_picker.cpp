// max-score-picker: the highest total wins; ties are broken at random.
#include "../../common/extremes.h"
#include "../../common/picker.h"

#include <epp/plugin.hpp>

#include <algorithm>

namespace {

EPP_WIDE_LOOPS uint32_t occurrences(std::span<const double> scores, double wanted) {
  uint32_t found = 0;
  for (const double score : scores)
    found += score == wanted ? 1u : 0u;
  return found;
}

class MaxScorePicker {
 public:
  explicit MaxScorePicker(epp::sdk::Context& context) : limit_(epp::builtin::max_endpoints(context.parameters())) {}

  void pick(const epp::sdk::Request&, const epp::sdk::Candidates&, std::span<const double> scores,
            epp::sdk::Picks& picks) const {
    if (limit_ == 1) return pick_one(scores, picks);
    auto positions = epp::builtin::shuffled_positions(static_cast<uint32_t>(scores.size()));
    std::stable_sort(positions.begin(), positions.end(),
                     [scores](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    epp::builtin::pick_first(positions, limit_, picks);
  }

 private:
  static void pick_one(std::span<const double> scores, epp::sdk::Picks& picks) {
    if (scores.empty()) return;
    const double best = epp::builtin::extremes(scores).max;
    const uint32_t ties = occurrences(scores, best);
    uint32_t skip = ties == 1 ? 0 : epp::builtin::Random::local().below(ties);
    for (uint32_t i = 0; i < scores.size(); ++i) {
      if (scores[i] == best && skip-- == 0) return picks.add(i);
    }
  }

  uint32_t limit_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<MaxScorePicker>({
    .name = "max-score-picker",
    .description = "Picks the endpoints with the highest total score, ties at random",
    .parameters_schema = epp::builtin::kPickerSchema,
}))
