// What the document refers to besides profiles: detector, policies, parsers, data layer.
#include "config/go_duration.h"
#include "config/wirer.h"

#include <algorithm>
#include <set>
#include <utility>

namespace epp::config {
namespace {

constexpr std::string_view kDetector =
    "failed to load the configuration - configuration validation failed: saturation detector validation failed: ";
constexpr std::string_view kFlowControl = "failed to load the configuration - failed to load flow control config: ";
constexpr std::string_view kParsers = "failed to load the configuration - parser registry build failed: ";
constexpr std::string_view kDataLayer = "failed to load the configuration - data layer config build failed: ";

}  // namespace

void Wirer::resolve_saturation_detector() {
  const PluginRef& ref = config_.saturation_detector;
  const std::string name = ref.name.empty() ? "utilization-detector" : ref.name;
  const auto index = result_.index_of(name);
  if (!index) {
    if (ref.name.empty()) return;  // the injection failed and was reported
    diagnostics_.error(std::string(kDetector) + "saturation detector references undefined plugin '" + name + "'",
                       ref.pointer, "the name of a saturation detector", nearest_name(name, instance_names()));
  } else if (!has_role(*index, Role::kSaturationDetector)) {
    diagnostics_.error("failed to load the configuration - plugin '" + name + "' is not a fwkfc.SaturationDetector",
                       ref.pointer,
                       "a saturation detector, not a plugin of type '" + result_.instances[*index].type + "'");
  } else {
    result_.saturation_detector = *index;
  }
}

InstanceIndex Wirer::resolve_policy(const PluginRef& ref, Role role, std::string_view interface_name) {
  const auto index = result_.index_of(ref.name);
  if (!index) {
    diagnostics_.error(std::string(kFlowControl) + "plugin \"" + ref.name + "\" not found", ref.pointer,
                       "the name of a plugin", nearest_name(ref.name, instance_names()));
    return 0;
  }
  if (!has_role(*index, role)) {
    diagnostics_.error(std::string(kFlowControl) + "plugin \"" + ref.name + "\" does not implement " +
                           std::string(interface_name) + " (actual type: " + result_.instances[*index].type + ")",
                       ref.pointer);
  }
  return *index;
}

EffectiveBand Wirer::resolve_band(const PriorityBand& band, std::string_view label) {
  const auto check = [&](std::int64_t value, std::string_view what) {
    if (value >= 0) return;
    diagnostics_.error(std::string(kFlowControl) + std::string(label) + " " + std::string(what) +
                           " must be non-negative, got " + std::to_string(value),
                       band.pointer);
  };
  check(band.max_bytes, "MaxBytes");
  check(band.max_requests, "MaxRequests");
  return {band.priority, band.max_bytes, band.max_requests,
          resolve_policy(band.fairness_policy, Role::kFairness, "FairnessPolicy"),
          resolve_policy(band.ordering_policy, Role::kOrdering, "OrderingPolicy")};
}

void Wirer::resolve_flow_control() {
  const FlowControl& flow = config_.flow_control;
  EffectiveFlowControl& out = result_.flow_control;
  out.epp = flow.epp;
  if (!config_.feature_gates.flow_control) {
    if (flow.enable_eviction) {
      diagnostics_.warning("enableEviction has no effect: the feature gate 'flowControl' is not enabled",
                           "/flowControl/enableEviction");
    }
    return;
  }
  const auto error = [this](const std::string& text, const std::string& field) {
    diagnostics_.error(std::string(kFlowControl) + text, child_pointer("/flowControl", field));
  };
  if (flow.max_bytes < 0) {
    error("global MaxBytes must be non-negative, got " + std::to_string(flow.max_bytes), "maxBytes");
  }
  if (flow.max_requests < 0) {
    error("global MaxRequests must be non-negative, got " + std::to_string(flow.max_requests), "maxRequests");
  }
  if (flow.default_request_ttl.count() < 0) {
    error("DefaultRequestTTL cannot be negative, but got " + format_duration(flow.default_request_ttl),
          "defaultRequestTTL");
  } else if (flow.no_endpoint_request_ttl.count() < 0) {
    error("NoEndpointRequestTTL cannot be negative, but got " + format_duration(flow.no_endpoint_request_ttl),
          "noEndpointRequestTTL");
  }
  out.enabled = true;
  out.max_bytes = flow.max_bytes;
  out.max_requests = flow.max_requests;
  out.default_request_ttl = flow.default_request_ttl;
  out.no_endpoint_request_ttl = flow.no_endpoint_request_ttl;
  out.enable_eviction = flow.enable_eviction;

  out.default_band = resolve_band(flow.default_priority_band.value_or(PriorityBand{}), "default priority band");
  out.default_negative_band = flow.default_negative_priority_band
                                  ? resolve_band(*flow.default_negative_priority_band, "default negative priority band")
                                  : out.default_band;
  std::set<std::int64_t> levels;
  for (const auto& band : flow.priority_bands) {
    const std::string level = std::to_string(band.priority);
    if (!levels.insert(band.priority).second) {
      diagnostics_.error(std::string(kFlowControl) + "duplicate priority level " + level, band.pointer,
                         "each priority once");
      continue;
    }
    if (band.priority != static_cast<std::int32_t>(band.priority)) {
      diagnostics_.warning("priority band " + level + " has no effect: priorities of objectives have 32 bits",
                           band.pointer);
      continue;
    }
    out.bands.push_back(resolve_band(band, "priority band " + level));
  }
  if (!levels.contains(0)) {
    out.bands.push_back(out.default_band);
    out.bands.back().priority = 0;
  }
  out.usage_limit_policy = resolve_policy(flow.usage_limit_policy, Role::kUsageLimits, "UsageLimitPolicy");
  if (flow.enable_eviction) resolve_eviction();
}

void Wirer::resolve_eviction() {
  const FlowControlExtensions& epp = config_.flow_control.epp;
  EffectiveFlowControl& out = result_.flow_control;
  out.eviction_filter = resolve_policy(epp.eviction_filter, Role::kEvictionFilter, "EvictionFilterPolicy");
  out.eviction_ordering = resolve_policy(epp.eviction_ordering, Role::kEvictionOrdering, "EvictionOrderingPolicy");
}

void Wirer::resolve_parsers() {
  for (const auto& ref : parser_refs_) {
    const auto index = result_.index_of(ref.name);
    if (!index) continue;  // reported when it could not be added
    if (!has_role(*index, Role::kParser)) {
      diagnostics_.error(std::string(kParsers) + "the plugin \"" + ref.name + "\" is not a parser plugin", ref.pointer,
                         "a parser, not a plugin of type '" + result_.instances[*index].type + "'");
      continue;
    }
    result_.parsers.push_back(*index);
  }
}

void Wirer::resolve_data_layer() {
  const DataLayer& layer = config_.data_layer;
  std::set<std::string> source_names;
  for (const auto& source : sources_) {
    const auto index = result_.index_of(source.ref.name);
    if (!index && source.ref.pointer.empty()) continue;  // an injection that failed and was reported
    if (!index || !has_role(*index, Role::kDataSource)) {
      diagnostics_.error(std::string(kDataLayer) + "the plugin " + source.ref.name + " is not a fwkdl.DataSource",
                         source.ref.pointer, "the name of a data source",
                         index ? std::string() : nearest_name(source.ref.name, instance_names()));
      continue;
    }
    if (!source_names.insert(source.ref.name).second) {
      diagnostics_.error(std::string(kDataLayer) + "duplicate polling source name \"" + source.ref.name + "\"",
                         source.ref.pointer, "each source once");
      continue;
    }
    EffectiveSource effective{*index, {}};
    std::set<std::string> types;
    for (const auto& ref : source.extractors) {
      const auto extractor = result_.index_of(ref.name);
      if (!extractor) {
        if (ref.pointer.empty()) continue;
        diagnostics_.error(std::string(kDataLayer) + "the plugin " + ref.name + " is not registered", ref.pointer,
                           "the name of an extractor", nearest_name(ref.name, instance_names()));
        continue;
      }
      if (!has_role(*extractor, Role::kExtractor)) {
        diagnostics_.error(std::string(kDataLayer) + "extractor type mismatch: " + label(*extractor) +
                               " is not an extractor for " + label(*index),
                           ref.pointer);
        continue;
      }
      if (!types.insert(result_.instances[*extractor].type).second) {
        diagnostics_.error(std::string(kDataLayer) + "duplicate extractor type configured for the same source: " +
                               result_.instances[*extractor].type,
                           ref.pointer, "one extractor of a type");
        continue;
      }
      effective.extractors.push_back(*extractor);
    }
    result_.sources.push_back(std::move(effective));
  }

  if (layer.discovery) {
    const auto index = result_.index_of(layer.discovery->name);
    if (!index) {
      diagnostics_.error("discovery: no plugin found with name \"" + layer.discovery->name + "\"",
                         layer.discovery->pointer, "the name of a discovery plugin",
                         nearest_name(layer.discovery->name, instance_names()));
    } else if (!has_role(*index, Role::kDiscovery)) {
      diagnostics_.error("discovery: plugin \"" + layer.discovery->name + "\" does not implement EndpointDiscovery",
                         layer.discovery->pointer);
    } else {
      result_.discovery = *index;
    }
  }
  if (layer.peer_discovery) {
    diagnostics_.warning("peerDiscovery is accepted and has no effect", layer.peer_discovery->pointer);
  }
  result_.cross_replica_sync_interval = layer.cross_replica_sync_interval;
  if (const PluginRef& ref = layer.cross_replica_syncer; !ref.name.empty()) {
    const auto index = result_.index_of(ref.name);
    if (!index || !has_role(*index, Role::kCrossReplicaSyncer)) {
      diagnostics_.error(std::string(kDataLayer) + "the plugin " + ref.name + " is not a fwkdl.CrossReplicaSyncer",
                         ref.pointer);
    } else {
      result_.cross_replica_syncer = *index;
    }
  }
}

}  // namespace epp::config
