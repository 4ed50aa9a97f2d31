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
    auto& random = epp::builtin::Random::local();
    std::vector<double> keys(scores.size());
    for (size_t i = 0; i < scores.size(); ++i) {
      keys[i] = scores[i] > 0 ? std::log(random.unit()) / scores[i] : -std::numeric_limits<double>::infinity();
    }
    auto positions = epp::builtin::shuffled_positions(static_cast<uint32_t>(scores.size()));
    std::stable_sort(positions.begin(), positions.end(), [&keys](uint32_t a, uint32_t b) { return keys[a] > keys[b]; });
    epp::builtin::pick_first(positions, limit_, picks);
  }

 private:
  uint32_t limit_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<WeightedRandomPicker>({
    .name = "weighted-random-picker",
    .description = "Picks endpoints at random with probability in proportion to their score",
    .parameters_schema = epp::builtin::kPickerSchema,
}))
