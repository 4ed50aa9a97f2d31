#include "config/wiring.h"

#include "config/wirer.h"

#include <algorithm>
#include <string>
#include <vector>

namespace epp::config {

std::optional<EffectiveConfig> wire(const Config& config, const Catalogue& catalogue, const WiringOptions& options,
                                    Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  Wirer wirer(config, catalogue, diagnostics);
  wirer.add_configured_plugins();
  wirer.resolve_references();

  wirer.apply_scheduling_defaults();
  wirer.apply_flow_control_defaults();
  wirer.apply_parser_defaults();
  wirer.apply_saturation_detector_default();
  wirer.apply_data_layer_defaults();

  wirer.resolve_saturation_detector();
  wirer.build_profiles();
  wirer.find_profile_handler();
  wirer.resolve_data_layer();
  wirer.resolve_flow_control();
  wirer.resolve_parsers();
  wirer.set_build_order();

  check_stability(wirer.result(), options, diagnostics);
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  return std::move(wirer.result());
}

void check_stability(const EffectiveConfig& effective, const WiringOptions& options, Diagnostics& diagnostics) {
  if (options.allow_experimental_plugins) return;
  std::vector<const Instance*> alpha;
  for (const auto& instance : effective.instances) {
    // What eviction brings along is not the operator's choice.
    if (instance.stability == Stability::kAlpha && instance.origin != Origin::kInjected) alpha.push_back(&instance);
  }
  std::sort(alpha.begin(), alpha.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const auto* instance : alpha) {
    diagnostics.error("plugin '" + instance->name + "' (type: '" + instance->type +
                          "') has Alpha stability level, but command line flag --allow-experimental-plugins is not set",
                      instance->pointer);
  }
}

}  // namespace epp::config
