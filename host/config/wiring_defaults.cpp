// System defaults: an injected plugin is named like its type, has no parameters and stands behind the configured ones.
#include "config/wirer.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace epp::config {
namespace {

constexpr std::string_view kScheduling =
    "failed to load the configuration - system default application failed: failed to apply scheduling defaults: ";
constexpr std::string_view kFlowControl =
    "failed to load the configuration - system default application failed: failed to apply flow control defaults: ";
constexpr std::string_view kParser =
    "failed to load the configuration - system default application failed: failed to apply parser defaults: ";
constexpr std::string_view kDetector =
    "failed to load the configuration - system default application failed: failed to apply saturation detector "
    "defaults: ";
constexpr std::string_view kDataLayer =
    "failed to load the configuration - system default application failed: failed to apply data layer defaults: ";

constexpr std::string_view kDefaultDetector = "utilization-detector";
constexpr std::string_view kMetricsSource = "metrics-data-source";
constexpr std::string_view kMetricsExtractor = "core-metrics-extractor";
// Three that interpret, then the fallback.
constexpr std::array<std::string_view, 4> kParsers{"openai-parser", "anthropic-parser", "vllmhttp-parser",
                                                   "passthrough-parser"};
constexpr std::array<std::string_view, 3> kPolicies{"fcfs-ordering-policy", "global-strict-fairness-policy",
                                                    "static-usage-limit-policy"};

}  // namespace

void Wirer::inject_by_name(std::string_view type, std::string_view prefix) {
  if (!result_.index_of(type)) inject(type, Origin::kInjected, prefix);
}

void Wirer::apply_scheduling_defaults() {
  drafts_ = config_.profiles;
  if (drafts_.empty()) {
    SchedulingProfile generated;
    generated.name = "default";
    for (const auto& instance : result_.instances) {
      if (instance.roles.schedulable()) generated.plugins.push_back({{instance.name, instance.pointer}, std::nullopt});
    }
    drafts_.push_back(std::move(generated));
  }
  if (drafts_.size() == 1 && !first_with(Role::kProfileHandler)) {
    inject("single-profile-handler", Origin::kInjected, kScheduling);
  }
  fallback_picker_ = first_with(Role::kPicker);
  if (!fallback_picker_) fallback_picker_ = inject("max-score-picker", Origin::kInjected, kScheduling);
}

void Wirer::apply_flow_control_defaults() {
  for (const auto policy : kPolicies)
    inject_by_name(policy, kFlowControl);
  if (!config_.feature_gates.flow_control || !config_.flow_control.enable_eviction) return;
  const FlowControlExtensions& epp = config_.flow_control.epp;
  for (const PluginRef* ref : {&epp.eviction_filter, &epp.eviction_ordering}) {
    if (ref->pointer.empty()) inject_by_name(ref->name, kFlowControl);
  }
}

void Wirer::apply_parser_defaults() {
  parser_refs_ = config_.parsers;
  if (parser_refs_.empty()) {
    for (const auto parser : kParsers) {
      parser_refs_.push_back({std::string(parser), {}});
      inject_by_name(parser, kParser);
    }
    return;
  }
  for (const auto& ref : parser_refs_) {
    if (result_.index_of(ref.name)) continue;
    // A name that no plugin has is a type.
    if (catalogue_.find(ref.name, {}) != nullptr) {
      inject(ref.name, Origin::kInjected, kParser);
      continue;
    }
    std::vector<std::string> known = instance_names();
    for (const auto* type : catalogue_.types()) {
      if (type->roles.has(Role::kParser)) known.push_back(type->type);
    }
    diagnostics_.error(std::string(kParser) + "plugin type '" + ref.name + "' not found in registry", ref.pointer,
                       "the name of a plugin, or a type of parser", nearest_name(ref.name, known));
  }
}

void Wirer::apply_saturation_detector_default() {
  const std::string& wanted = config_.saturation_detector.name;
  if (wanted.empty() || wanted == kDefaultDetector) inject_by_name(kDefaultDetector, kDetector);
}

void Wirer::apply_data_layer_defaults() {
  sources_ = config_.data_layer.sources;
  const bool listed = std::any_of(sources_.begin(), sources_.end(),
                                  [](const auto& source) { return source.ref.name == kMetricsSource; });
  if (!config_.data_layer.inject_defaults || listed) return;
  inject_by_name(kMetricsSource, kDataLayer);
  inject_by_name(kMetricsExtractor, kDataLayer);
  sources_.push_back({{std::string(kMetricsSource), {}}, {{std::string(kMetricsExtractor), {}}}});
}

}  // namespace epp::config
