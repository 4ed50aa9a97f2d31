// Whole configurations from anywhere, over a catalogue of made-up types: what is accepted can be run.
#include "config/decode.h"
#include "config/wiring.h"
#include "fuzz/config/require.h"
#include "unit/config/fake_catalogue.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

void check_instances(const EffectiveConfig& config) {
  std::set<std::string> names;
  for (const auto& instance : config.instances)
    require(names.insert(instance.name).second && !instance.roles.empty());

  std::vector<bool> built(config.instances.size(), false);
  require(config.build_order.size() == built.size());
  for (const InstanceIndex index : config.build_order) {
    require(index < built.size() && !built[index]);
    for (const InstanceIndex reference : config.instances[index].references)
      require(reference < built.size() && built[reference]);
    built[index] = true;
  }
}

void check_roles(const EffectiveConfig& config) {
  const auto has = [&config](InstanceIndex index, Role role) {
    return index < config.instances.size() && config.instances[index].roles.has(role);
  };
  require(!config.profiles.empty() && has(config.profile_handler, Role::kProfileHandler));
  require(has(config.saturation_detector, Role::kSaturationDetector));
  for (const auto& profile : config.profiles) {
    require(!profile.name.empty() && has(profile.picker, Role::kPicker));
    for (const InstanceIndex filter : profile.filters)
      require(has(filter, Role::kFilter));
    for (const auto& scorer : profile.scorers)
      require(has(scorer.instance, Role::kScorer));
  }
  require(!config.parsers.empty());
  for (const InstanceIndex parser : config.parsers)
    require(has(parser, Role::kParser));
  for (const auto& source : config.sources) {
    require(has(source.source, Role::kDataSource));
    for (const InstanceIndex extractor : source.extractors)
      require(has(extractor, Role::kExtractor));
  }
  const auto& flow = config.flow_control;
  if (!flow.enabled) return;
  require(has(flow.usage_limit_policy, Role::kUsageLimits) && !flow.bands.empty());
  require(flow.max_bytes >= 0 && flow.max_requests >= 0);
  for (const auto& band : flow.bands) {
    require(band.max_bytes > 0 && band.max_requests > 0);
    require(has(band.fairness_policy, Role::kFairness) && has(band.ordering_policy, Role::kOrdering));
  }
}

void check(std::string_view text) {
  static const testing::FakeCatalogue catalogue;
  LoadedConfig loaded;
  Diagnostics diagnostics;
  const bool decoded = decode_config(text, "f", loaded, diagnostics);
  require(decoded != diagnostics.has_errors());
  if (decoded) {
    const auto config = wire(loaded.config, catalogue, {.allow_experimental_plugins = true}, diagnostics);
    require(config.has_value() != diagnostics.has_errors());
    if (config) {
      check_instances(*config);
      check_roles(*config);
      require(nlohmann::json::accept(to_json(*config, true)));
    }
  }
  for (const auto& item : diagnostics.all())
    require(!item.text.empty() && !render(item, loaded.source).empty());
}

}  // namespace
}  // namespace epp::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::config::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
