// max-score-picker: the highest total wins; ties are broken at random.
#include "../../common/picker.h"

#include <epp/plugin.hpp>

#include <algorithm>

namespace {

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
  // One pass: the k-th endpoint of the current best score replaces the choice with probability 1/k.
  static void pick_one(std::span<const double> scores, epp::sdk::Picks& picks) {
    if (scores.empty()) return;
    auto& random = epp::builtin::Random::local();
    uint32_t best = 0;
    uint32_t ties = 1;
    for (uint32_t i = 1; i < scores.size(); ++i) {
      if (scores[i] > scores[best]) {
        best = i;
        ties = 1;
      } else if (scores[i] == scores[best] && random.below(++ties) == 0) {
        best = i;
      }
    }
    picks.add(best);
  }

  uint32_t limit_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<MaxScorePicker>({
    .name = "max-score-picker",
    .description = "Picks the endpoints with the highest total score, ties at random",
    .parameters_schema = epp::builtin::kPickerSchema,
}))
