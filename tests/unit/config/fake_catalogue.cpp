#include "unit/config/fake_catalogue.h"

#include <utility>

namespace epp::config::testing {
namespace {

constexpr const char* kThreshold = R"({
  "type": "object",
  "properties": {"threshold": {"type": "integer", "default": 128}},
  "additionalProperties": false
})";
constexpr const char* kPrefixScorer = R"({
  "type": "object",
  "properties": {
    "prefixMatchInfoProducerName": {"type": "string"},
    "matchLengthWeight": {"type": "number", "minimum": 0, "maximum": 1}
  },
  "additionalProperties": false
})";
constexpr const char* kDisagg = R"({
  "type": "object",
  "properties": {
    "profiles": {"type": "object", "properties": {"decode": {"type": "string"}}, "additionalProperties": false},
    "deciders": {
      "type": "object",
      "properties": {
        "prefill": {"type": "string", "x-epp-plugin-reference": true},
        "encode": {"type": "string", "x-epp-plugin-reference": true}
      },
      "additionalProperties": false
    }
  },
  "additionalProperties": false
})";
constexpr const char* kPdHandler = R"({
  "type": "object",
  "properties": {
    "deciderPluginName": {"type": "string", "default": "prefix-based-pd-decider", "x-epp-plugin-reference": true},
    "prefixPluginName": {"type": "string", "x-epp-plugin-reference": true}
  },
  "additionalProperties": false
})";
constexpr const char* kPath = R"({
  "type": "object",
  "properties": {"path": {"type": "string", "minLength": 1, "errorMessage": "'path' parameter is required"}},
  "required": ["path"],
  "additionalProperties": false
})";

}  // namespace

FakeCatalogue::FakeCatalogue() {
  for (const char* type : {"queue-scorer", "kv-cache-utilization-scorer", "lora-affinity-scorer"}) {
    add(type, {Role::kScorer});
  }
  add("load-aware-scorer", {Role::kScorer}, kThreshold);
  add("prefix-cache-scorer", {Role::kScorer}, kPrefixScorer);
  add("context-length-aware", {Role::kFilter, Role::kScorer});
  for (const char* type : {"decode-filter", "prefill-filter"})
    add(type, {Role::kFilter});
  add("session-affinity-filter", {Role::kFilter}).stability = Stability::kAlpha;
  for (const char* type : {"max-score-picker", "random-picker", "weighted-random-picker"})
    add(type, {Role::kPicker});
  add("single-profile-handler", {Role::kProfileHandler});
  add("disagg-profile-handler", {Role::kProfileHandler}, kDisagg);
  add("pd-profile-handler", {Role::kProfileHandler}, kPdHandler).deprecation = {"0.7.0", "0.9.0",
                                                                                "disagg-profile-handler"};
  add("prefix-based-pd-decider", {Role::kDecider});
  for (const char* type :
       {"openai-parser", "anthropic-parser", "vllmhttp-parser", "vllmgrpc-parser", "passthrough-parser"}) {
    add(type, {Role::kParser});
  }
  add("utilization-detector", {Role::kSaturationDetector, Role::kFilter});
  add("concurrency-detector", {Role::kSaturationDetector, Role::kFilter});
  add("global-strict-fairness-policy", {Role::kFairness});
  add("round-robin-fairness-policy", {Role::kFairness});
  add("fcfs-ordering-policy", {Role::kOrdering});
  add("edf-ordering-policy", {Role::kOrdering});
  add("static-usage-limit-policy", {Role::kUsageLimits});
  add("sheddable-eviction-filter", {Role::kEvictionFilter}).stability = Stability::kAlpha;
  add("priority-then-time-eviction-order-policy", {Role::kEvictionOrdering}).stability = Stability::kAlpha;
  add("metrics-data-source", {Role::kDataSource});
  add("core-metrics-extractor", {Role::kExtractor});
  add("models-data-extractor", {Role::kExtractor});
  add("file-discovery", {Role::kDiscovery}, kPath);
  add("approx-prefix-cache-producer", {Role::kProducer}).default_producer_of = {
      "PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer"};
  add("token-producer", {Role::kProducer}).default_producer_of = {"TokenizedPrompt/token-producer"};
  add("session-id-producer", {Role::kProducer},
      R"({"type":"object","properties":{"headerName":{"type":"string"}},"required":["headerName"]})")
      .default_producer_of = {"SessionIDDataKey/session-id-producer"};
}

PluginType& FakeCatalogue::add(std::string type, RoleSet roles, std::string schema) {
  PluginType entry;
  entry.type = type;
  entry.roles = roles;
  entry.parameters_schema = std::move(schema);
  entry.library = "lib/" + type + ".so";
  return types_.emplace(std::move(type), std::move(entry))->second;
}

PluginType& FakeCatalogue::type(std::string_view name) {
  return types_.find(name)->second;
}

void FakeCatalogue::remove(std::string_view type) {
  types_.erase(types_.find(type));
}

const PluginType* FakeCatalogue::find(std::string_view type, std::string_view library) const {
  const auto [begin, end] = types_.equal_range(type);
  const PluginType* found = nullptr;
  for (auto it = begin; it != end; ++it) {
    if (!library.empty() && it->second.library != library) continue;
    if (found != nullptr) return nullptr;
    found = &it->second;
  }
  return found;
}

std::vector<std::string> FakeCatalogue::libraries_of(std::string_view type) const {
  std::vector<std::string> libraries;
  const auto [begin, end] = types_.equal_range(type);
  for (auto it = begin; it != end; ++it)
    libraries.push_back(it->second.library);
  return libraries;
}

std::vector<const PluginType*> FakeCatalogue::types() const {
  std::vector<const PluginType*> all;
  for (const auto& [name, type] : types_)
    all.push_back(&type);
  return all;
}

std::size_t Outcome::count(Severity severity, std::string_view text) const {
  std::size_t found = 0;
  for (const auto& item : diagnostics.all()) {
    if (item.severity == severity && item.text.find(text) != std::string::npos) ++found;
  }
  return found;
}

std::string Outcome::rendered() const {
  std::string all;
  for (const auto& item : diagnostics.all())
    all += render(item, loaded.source) + "\n";
  return all;
}

std::vector<std::string> Outcome::names(const std::vector<InstanceIndex>& indices) const {
  std::vector<std::string> result;
  for (const auto index : indices)
    result.push_back(name(index));
  return result;
}

std::vector<std::string> Outcome::instance_names() const {
  std::vector<std::string> result;
  for (const auto& instance : config->instances)
    result.push_back(instance.name);
  return result;
}

Outcome decode_only(std::string_view text) {
  Outcome outcome;
  decode_config(text, "epp.yaml", outcome.loaded, outcome.diagnostics);
  return outcome;
}

Outcome run(std::string_view text, const Setup& setup) {
  Outcome outcome = decode_only(text);
  if (!outcome.diagnostics.has_errors()) {
    outcome.config = wire(outcome.loaded.config, setup.catalogue, {.allow_experimental_plugins = setup.experimental},
                          outcome.diagnostics);
  }
  return outcome;
}

Outcome run(std::string_view text) {
  static const FakeCatalogue catalogue;
  return run(text, {catalogue});
}

}  // namespace epp::config::testing
