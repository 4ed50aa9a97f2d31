// random-picker: every candidate is equally likely, whatever its score.
#include "../../common/picker.h"

#include <epp/plugin.hpp>

namespace {

class RandomPicker {
 public:
  explicit RandomPicker(epp::sdk::Context& context) : limit_(epp::builtin::max_endpoints(context.parameters())) {}

  void pick(const epp::sdk::Request&, const epp::sdk::Candidates&, std::span<const double> scores,
            epp::sdk::Picks& picks) const {
    const auto count = static_cast<uint32_t>(scores.size());
    if (count == 0) return;
    if (limit_ == 1) return picks.add(epp::builtin::Random::local().below(count));
    epp::builtin::pick_first(epp::builtin::shuffled_positions(count), limit_, picks);
  }

 private:
  uint32_t limit_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<RandomPicker>({
    .name = "random-picker",
    .description = "Picks endpoints uniformly at random",
    .parameters_schema = epp::builtin::kPickerSchema,
}))
