// The configuration as written: one plain value for manifest JSON and EndpointPickerConfig YAML alike.
// Deprecated fields are already folded into their successors; nothing is injected yet (that is wiring.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace epp::config {

// A use of a plugin instance's name, and where in the document it stands.
struct PluginRef {
  std::string name;
  std::string pointer;
  bool operator==(const PluginRef&) const = default;
};

struct FeatureGates {
  bool flow_control = false;
  bool ha_populate_non_leader_datastore = true;
};

// What the host answers in place of a filter, screener or admitter that failed.
enum class OnFault { kReject, kIgnore };

struct PluginSpec {
  std::string name;  // defaults to `type`; unique
  std::string type;
  std::optional<std::string> parameters;                // raw JSON text, "null" included; absent is "no parameters"
  std::string library;                                  // ours: file name of the library that must provide the type
  std::string sha256;                                   // ours: pinned digest of that library, 64 lower-case hex digits
  std::optional<OnFault> on_fault;                      // ours
  std::optional<std::chrono::nanoseconds> call_budget;  // ours: of one call into the plugin; 0: none
  std::string pointer;                                  // of the entry
};

struct ProfilePlugin {
  PluginRef ref;
  std::optional<double> weight;  // any sign; meaningful for scorers only
};

struct SchedulingProfile {
  std::string name;
  std::vector<ProfilePlugin> plugins;
  std::string pointer;
};

struct DataSource {
  PluginRef ref;
  std::vector<PluginRef> extractors;
};

struct DataLayer {
  bool inject_defaults = true;
  std::vector<DataSource> sources;
  std::optional<PluginRef> discovery;
  std::optional<PluginRef> peer_discovery;  // parsed; no effect
  PluginRef cross_replica_syncer;           // empty name: none
  std::chrono::nanoseconds cross_replica_sync_interval = std::chrono::milliseconds(200);
};

inline constexpr std::int64_t kDefaultBandBytes = 1'000'000'000;
inline constexpr std::int64_t kDefaultBandRequests = 5000;

// Limits: absent or 0 is the default below. Negative values are kept: wiring refuses them with flow control on.
struct PriorityBand {
  std::int64_t priority = 0;
  std::int64_t max_bytes = kDefaultBandBytes;
  std::int64_t max_requests = kDefaultBandRequests;
  PluginRef fairness_policy{"global-strict-fairness-policy", {}};
  PluginRef ordering_policy{"fcfs-ordering-policy", {}};
  std::string pointer;
};

// ours: flowControl.epp, what upstream does not do. All of it is off by default.
struct FlowControlExtensions {
  bool displace_lower_bands = false;      // a full queue lets waiting requests of lower bands go, not the newcomer
  double reserved_for_high_bands = 0;     // share of the global limits for bands above 0, 0 to <1
  bool request_deadlines = false;         // headers may shorten a request's time to live
  std::chrono::nanoseconds hold_stale{};  // how long stale readings keep their last saturation
  double hysteresis = 0;                  // once closed the gate opens so far below the ceiling, 0 to <1
  std::int64_t max_flows_per_band = 0;    // live fairness ids; 0: no limit
  bool gate_per_stage = false;            // a request waits only for the stage that it needs
  std::int64_t decode_only_below_tokens = 256;  // prompts below it need no prefill stage; with gate_per_stage
  bool retry_after = false;                     // `retry-after` with refusals
  bool queue_position = false;                  // `x-epp-queue-position` with refusals
  bool typed_admitter_denials = false;          // an admitter's own status; without flow control, too
  PluginRef eviction_filter{"sheddable-eviction-filter", {}};
  PluginRef eviction_ordering{"priority-then-time-eviction-order-policy", {}};
  bool operator==(const FlowControlExtensions&) const = default;
};

struct FlowControl {
  std::int64_t max_bytes = 0;                                                   // 0: unlimited
  std::int64_t max_requests = 0;                                                // 0: unlimited
  std::chrono::nanoseconds default_request_ttl = std::chrono::seconds(60);      // 0: no eviction
  std::chrono::nanoseconds no_endpoint_request_ttl = std::chrono::seconds(60);  // 0: no eviction
  std::optional<PriorityBand> default_priority_band;
  std::optional<PriorityBand> default_negative_priority_band;
  std::vector<PriorityBand> priority_bands;  // as listed; band 0 is not added here
  PluginRef usage_limit_policy{"static-usage-limit-policy", {}};
  bool enable_eviction = false;
  FlowControlExtensions epp;
};

struct Config {
  FeatureGates feature_gates;
  std::vector<std::string> plugin_directories;  // ours: searched after --plugin-dir
  std::vector<PluginSpec> plugins;
  std::vector<SchedulingProfile> profiles;
  DataLayer data_layer;
  FlowControl flow_control;
  std::vector<PluginRef> parsers;  // empty: the default list
  PluginRef saturation_detector;   // empty name: the default detector
};

}  // namespace epp::config
