// weighted-random-picker: picks without replacement with probability in proportion to the score.
//
// Each endpoint draws the key U^(1/score); the largest keys win (Efraimidis and Spirakis, "Weighted random sampling
// with a reservoir", 2006). Keys are compared as log(U)/score, which does not underflow for small scores.
#include "../../common/picker.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

class WeightedRandomPicker {
 public:
  explicit WeightedRandomPicker(epp::sdk::Context& context)
      : limit_(epp::builtin::max_endpoints(context.parameters())) {}

  // Endpoints that score 0 or less come last, among themselves in random order.
  void pick(const epp::sdk::Request&, const epp::sdk::Candidates&, std::span<const double> scores,
            epp::sdk::Picks& picks) const {
    if (limit_ == 1) return pick_one(scores, picks);
    std::vector<double> keys(scores.size());
    std::transform(scores.begin(), scores.end(), keys.begin(), draw_key);
    auto positions = epp::builtin::shuffled_positions(static_cast<uint32_t>(scores.size()));
    std::stable_sort(positions.begin(), positions.end(), [&keys](uint32_t a, uint32_t b) { return keys[a] > keys[b]; });
    epp::builtin::pick_first(positions, limit_, picks);
  }

 private:
  static constexpr double kLast = -std::numeric_limits<double>::infinity();

  static double draw_key(double score) {
    return score > 0 ? std::log(epp::builtin::Random::local().unit()) / score : kLast;
  }

  // The largest key in one pass; without a positive score every endpoint is as likely.
  static void pick_one(std::span<const double> scores, epp::sdk::Picks& picks) {
    if (scores.empty()) return;
    uint32_t best = epp::builtin::Random::local().below(static_cast<uint32_t>(scores.size()));
    double best_key = kLast;
    for (uint32_t i = 0; i < scores.size(); ++i) {
      const double key = draw_key(scores[i]);
      if (key > best_key) {
        best = i;
        best_key = key;
      }
    }
    picks.add(best);
  }

  uint32_t limit_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<WeightedRandomPicker>({
    .name = "weighted-random-picker",
    .description = "Picks endpoints at random with probability in proportion to their score",
    .parameters_schema = epp::builtin::kPickerSchema,
}))
