// lora-affinity-scorer: prefers endpoints that have the request's LoRA adapter loaded, then those with room for it.
#include <epp/plugin.hpp>

#include <algorithm>

namespace {

bool contains(const epp_str_list& names, std::string_view wanted) {
  return std::any_of(names.items, names.items + names.count,
                     [wanted](const epp_str& name) { return epp::sdk::view(name) == wanted; });
}

class LoraAffinityScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_AFFINITY;
  static constexpr double kActive = 1.0;
  static constexpr double kRoom = 0.8;
  static constexpr double kWaiting = 0.6;
  static constexpr double kNone = 0.0;

  explicit LoraAffinityScorer(epp::sdk::Context& context)
      : active_(context.require_strings(EPP_KEY_ACTIVE_MODELS)),
        waiting_(context.require_strings(EPP_KEY_WAITING_MODELS)),
        max_active_(context.optional_f64(EPP_KEY_MAX_ACTIVE_MODELS)) {}

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const std::string_view model = request.target_model();
    const epp_str_list* active = active_.read(request, candidates);
    const epp_str_list* waiting = waiting_.read(request, candidates);
    const auto max_active = max_active_.of(request, candidates);
    for (uint32_t i = 0; i < scores.size(); ++i) {
      const uint32_t slot = candidates.slot(i);
      const auto adapters = static_cast<double>(active[slot].count + waiting[slot].count);
      if (contains(active[slot], model)) {
        scores[i] = kActive;
      } else if (adapters < max_active.or_else(i, 0)) {
        scores[i] = kRoom;
      } else if (contains(waiting[slot], model)) {
        scores[i] = kWaiting;
      } else {
        scores[i] = kNone;
      }
    }
  }

 private:
  epp::sdk::StringListColumn active_;
  epp::sdk::StringListColumn waiting_;
  epp::sdk::F64Column max_active_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<LoraAffinityScorer>({
    .name = "lora-affinity-scorer",
    .description = "Prefers endpoints that have the requested LoRA adapter loaded or can load it",
}))
