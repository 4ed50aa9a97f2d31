#include "config/effective_config.h"

#include "config/go_duration.h"
#include "config/json_text.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::kConfigured:
      return "configured";
    case Origin::kInjected:
      return "injected";
    case Origin::kAutoProducer:
      return "default producer";
  }
  return {};
}

Json plugin_json(const Instance& instance, bool with_parameters) {
  Json json = {{"name", instance.name}, {"type", instance.type}};
  if (instance.parameters) {
    json["parameters"] = with_parameters ? Json::parse(*instance.parameters, nullptr, false) : Json("(not shown)");
  }
  if (!instance.library.empty()) json["library"] = instance.library;
  if (!instance.sha256.empty()) json["sha256"] = instance.sha256;
  if (instance.on_fault) json["onFault"] = *instance.on_fault == OnFault::kReject ? "reject" : "ignore";
  if (instance.call_budget) json["callBudget"] = format_duration(*instance.call_budget);
  Json roles = Json::array();
  for (const auto role : role_names(instance.roles))
    roles.push_back(role);
  json["roles"] = std::move(roles);
  json["origin"] = origin_name(instance.origin);
  return json;
}

class Printer {
 public:
  Printer(const EffectiveConfig& config, bool with_parameters) : config_(config), with_parameters_(with_parameters) {}

  Json print() const {
    Json json = {{"apiVersion", "llm-d.ai/v1alpha1"}, {"kind", "EndpointPickerConfig"}};
    json["featureGates"] = {
        "flowControl=" + flag(config_.feature_gates.flow_control),
        "haPopulateNonLeaderDatastore=" + flag(config_.feature_gates.ha_populate_non_leader_datastore)};
    json["plugins"] = Json::array();
    for (const auto& instance : config_.instances)
      json["plugins"].push_back(plugin_json(instance, with_parameters_));
    json["profileHandler"] = name(config_.profile_handler);
    json["schedulingProfiles"] = Json::array();
    for (const auto& profile : config_.profiles)
      json["schedulingProfiles"].push_back(profile_json(profile));
    json["requestHandler"]["parsers"] = refs(config_.parsers);
    json["flowControl"] = flow_control_json();
    json["dataLayer"] = data_layer_json();
    return json;
  }

 private:
  static std::string flag(bool value) { return value ? "true" : "false"; }
  const std::string& name(InstanceIndex index) const { return config_.instances[index].name; }
  Json ref(InstanceIndex index) const { return {{"pluginRef", name(index)}}; }
  Json refs(const std::vector<InstanceIndex>& indices) const {
    Json json = Json::array();
    for (const auto index : indices)
      json.push_back(ref(index));
    return json;
  }

  // By role, since one entry of the document may serve several.
  Json profile_json(const EffectiveProfile& profile) const {
    Json json = {{"name", profile.name}, {"filters", refs(profile.filters)}, {"scorers", Json::array()}};
    for (const auto& scorer : profile.scorers) {
      Json entry = ref(scorer.instance);
      entry["weight"] = scorer.weight;
      json["scorers"].push_back(std::move(entry));
    }
    json["picker"] = name(profile.picker);
    return json;
  }

  Json band_json(const EffectiveBand& band) const {
    return {{"priority", band.priority},
            {"maxBytes", band.max_bytes},
            {"maxRequests", band.max_requests},
            {"fairnessPolicyRef", name(band.fairness_policy)},
            {"orderingPolicyRef", name(band.ordering_policy)}};
  }

  Json flow_control_json() const {
    const auto& flow = config_.flow_control;
    Json json = {{"saturationDetector", ref(config_.saturation_detector)}};
    if (!flow.enabled) {
      if (flow.epp.typed_admitter_denials) json["epp"]["typedAdmitterDenials"] = true;
      return json;
    }
    json["maxBytes"] = flow.max_bytes;
    json["maxRequests"] = flow.max_requests;
    json["defaultRequestTTL"] = format_duration(flow.default_request_ttl);
    json["noEndpointRequestTTL"] = format_duration(flow.no_endpoint_request_ttl);
    json["defaultPriorityBand"] = band_json(flow.default_band);
    json["defaultNegativePriorityBand"] = band_json(flow.default_negative_band);
    json["priorityBands"] = Json::array();
    for (const auto& band : flow.bands)
      json["priorityBands"].push_back(band_json(band));
    json["usageLimitPolicyPluginRef"] = name(flow.usage_limit_policy);
    json["enableEviction"] = flow.enable_eviction;
    json["epp"] = extensions_json(flow);
    return json;
  }

  Json extensions_json(const EffectiveFlowControl& flow) const {
    const FlowControlExtensions& epp = flow.epp;
    Json json = {{"displaceLowerBands", epp.displace_lower_bands},
                 {"reservedForHighBands", epp.reserved_for_high_bands},
                 {"requestDeadlines", epp.request_deadlines},
                 {"holdStale", format_duration(epp.hold_stale)},
                 {"hysteresis", epp.hysteresis},
                 {"maxFlowsPerBand", epp.max_flows_per_band},
                 {"gatePerStage", epp.gate_per_stage},
                 {"decodeOnlyBelowTokens", epp.decode_only_below_tokens},
                 {"retryAfter", epp.retry_after},
                 {"queuePosition", epp.queue_position},
                 {"typedAdmitterDenials", epp.typed_admitter_denials}};
    if (flow.enable_eviction) {
      json["evictionFilterPluginRef"] = name(flow.eviction_filter);
      json["evictionOrderingPluginRef"] = name(flow.eviction_ordering);
    }
    return json;
  }

  Json data_layer_json() const {
    Json json = {{"sources", Json::array()}};
    for (const auto& source : config_.sources) {
      Json entry = ref(source.source);
      entry["extractors"] = refs(source.extractors);
      json["sources"].push_back(std::move(entry));
    }
    if (config_.discovery) json["discovery"] = ref(*config_.discovery);
    if (config_.cross_replica_syncer) {
      json["crossReplicaSyncerPluginRef"] = name(*config_.cross_replica_syncer);
      json["crossReplicaSyncInterval"] = format_duration(config_.cross_replica_sync_interval);
    }
    return json;
  }

  const EffectiveConfig& config_;
  bool with_parameters_;
};

}  // namespace

std::optional<InstanceIndex> EffectiveConfig::index_of(std::string_view name) const {
  const auto it = std::find_if(instances.begin(), instances.end(), [name](const auto& i) { return i.name == name; });
  if (it == instances.end()) return std::nullopt;
  return static_cast<InstanceIndex>(it - instances.begin());
}

const Instance* EffectiveConfig::find(std::string_view name) const {
  const auto index = index_of(name);
  return index ? &instances[*index] : nullptr;
}

std::string to_json(const EffectiveConfig& config, bool with_parameters) {
  return json_text(Printer(config, with_parameters).print(), 2) + "\n";
}

}  // namespace epp::config
