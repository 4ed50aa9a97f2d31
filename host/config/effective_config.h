// The configuration as it will run: every default injected, every reference resolved to an index.
#pragma once

#include "config/catalogue.h"
#include "config/config.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config {

using InstanceIndex = std::size_t;

enum class Origin : std::uint8_t {
  kConfigured,    // listed under `plugins`
  kInjected,      // a system default
  kAutoProducer,  // created because a required data key had no producer
};

// A plugin instance to build. Names are unique.
struct Instance {
  std::string name;
  std::string type;
  std::optional<std::string> parameters;  // normalised JSON text
  std::vector<InstanceIndex> references;  // instances that must be built before and destroyed after this one
  std::string library;                    // path of the providing library; "" for host types
  std::string sha256;
  std::optional<OnFault> on_fault;
  std::optional<std::chrono::nanoseconds> call_budget;
  RoleSet roles;
  Stability stability = Stability::kBeta;
  Origin origin = Origin::kConfigured;
  std::string pointer;  // "" for instances that the document does not list
};

struct WeightedScorer {
  InstanceIndex instance = 0;
  double weight = 1.0;
};

// Filters and scorers in file order; an instance that is both stands in both lists.
struct EffectiveProfile {
  std::string name;
  std::vector<InstanceIndex> filters;
  std::vector<WeightedScorer> scorers;
  InstanceIndex picker = 0;
};

struct EffectiveSource {
  InstanceIndex source = 0;
  std::vector<InstanceIndex> extractors;
};

struct EffectiveBand {
  std::int64_t priority = 0;
  std::int64_t max_bytes = 0;
  std::int64_t max_requests = 0;
  InstanceIndex fairness_policy = 0;
  InstanceIndex ordering_policy = 0;
};

// Policies are resolved with the flowControl gate on only; the limits are then complete.
struct EffectiveFlowControl {
  bool enabled = false;
  std::int64_t max_bytes = 0;
  std::int64_t max_requests = 0;
  std::chrono::nanoseconds default_request_ttl{};
  std::chrono::nanoseconds no_endpoint_request_ttl{};
  EffectiveBand default_band;
  EffectiveBand default_negative_band;
  std::vector<EffectiveBand> bands;  // band 0 included
  InstanceIndex usage_limit_policy = 0;
  bool enable_eviction = false;
  InstanceIndex eviction_filter = 0;  // resolved with enable_eviction only
  InstanceIndex eviction_ordering = 0;
  FlowControlExtensions epp;  // its references are resolved above
};

struct EffectiveConfig {
  FeatureGates feature_gates;
  std::vector<Instance> instances;         // file order, then injected ones in the order of injection
  std::vector<InstanceIndex> build_order;  // every instance once, references first, otherwise by index
  std::vector<EffectiveProfile> profiles;  // file order
  InstanceIndex profile_handler = 0;
  std::vector<InstanceIndex> parsers;  // as listed; the parser registry drops repeated types
  InstanceIndex saturation_detector = 0;
  EffectiveFlowControl flow_control;
  std::vector<EffectiveSource> sources;
  std::optional<InstanceIndex> discovery;  // present: no Kubernetes
  std::optional<InstanceIndex> cross_replica_syncer;
  std::chrono::nanoseconds cross_replica_sync_interval{};

  const Instance* find(std::string_view name) const;
  std::optional<InstanceIndex> index_of(std::string_view name) const;
};

// For people: indented JSON in the field names of the document. Parameters are shown only when asked for, since
// they may hold credentials.
std::string to_json(const EffectiveConfig& config, bool with_parameters);

}  // namespace epp::config
