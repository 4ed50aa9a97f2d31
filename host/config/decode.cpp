#include "config/decode.h"

#include "config/document.h"
#include "config/feature_gates.h"
#include "config/fields.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "failed to parse config - failed to decode configuration JSON/YAML: ";
constexpr std::string_view kKind = "EndpointPickerConfig";
constexpr std::string_view kVersion = "llm-d.ai/v1alpha1";
constexpr std::string_view kDeprecatedVersion = "inference.networking.x-k8s.io/v1alpha1";

void identify(Fields& top, Diagnostics& diagnostics) {
  std::string version;
  std::string kind;
  const std::size_t before = diagnostics.error_count();
  top.text("apiVersion", version);
  top.text("kind", kind);
  if (diagnostics.error_count() != before) return;
  if (std::count(version.begin(), version.end(), '/') > 1) {
    return top.error("apiVersion", "unexpected GroupVersion string: " + version, std::string(kVersion));
  }
  const bool deprecated = version == kDeprecatedVersion;
  if ((!kind.empty() && kind != kKind) || (!version.empty() && version != kVersion && !deprecated)) {
    const std::string shown_kind = kind.empty() ? std::string(kKind) : kind;
    const std::string shown_version = version.empty() ? std::string(kVersion) : version;
    return top.error(
        kind.empty() || kind == kKind ? "apiVersion" : "kind",
        "no kind \"" + shown_kind + "\" is registered for version \"" + shown_version + "\" in scheme \"epp\"",
        "kind " + std::string(kKind) + " of " + std::string(kVersion));
  }
  if (deprecated) {
    diagnostics.deprecation(
        "DEPRECATION: the config apiVersion " + version + " is deprecated, use " + std::string(kVersion) + " instead",
        "/apiVersion");
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

PluginSpec decode_plugin(Fields& fields) {
  PluginSpec plugin;
  plugin.pointer = fields.where().pointer;
  fields.text("name", plugin.name);
  fields.text("type", plugin.type);
  fields.raw("parameters", plugin.parameters);
  fields.text("library", plugin.library);
  if (fields.text("sha256", plugin.sha256) && !is_sha256(plugin.sha256)) {
    fields.error("sha256", "invalid sha256 '" + plugin.sha256 + "'", "64 lower-case hexadecimal digits");
  }
  // A digest pins a file before it is loaded, so that the file must be named.
  if (!plugin.sha256.empty() && plugin.library.empty()) {
    fields.error("sha256", "sha256 is given without library", "a library beside it");
  }
  std::string on_fault;
  if (fields.text("onFault", on_fault)) {
    if (on_fault == "reject") {
      plugin.on_fault = OnFault::kReject;
    } else if (on_fault == "ignore") {
      plugin.on_fault = OnFault::kIgnore;
    } else {
      fields.error("onFault", "invalid onFault '" + on_fault + "'", "\"reject\" or \"ignore\"");
    }
  }
  if (std::chrono::nanoseconds budget{}; fields.duration("callBudget", budget)) {
    plugin.call_budget = budget;
    if (budget.count() < 0)
      fields.error("callBudget", "callBudget must not be negative", "a duration such as \"50ms\"");
  }
  if (plugin.name.empty()) plugin.name = plugin.type;
  return plugin;
}

SchedulingProfile decode_profile(Fields& fields) {
  SchedulingProfile profile;
  profile.pointer = fields.where().pointer;
  fields.text("name", profile.name);
  fields.objects("plugins", "SchedulingPlugin", [&profile](Fields& entry) {
    ProfilePlugin plugin;
    entry.own_plugin_ref(plugin.ref);
    entry.number("weight", plugin.weight);
    profile.plugins.push_back(std::move(plugin));
  });
  return profile;
}

void decode_optional_ref(Fields& fields, std::string_view name, std::optional<PluginRef>& out) {
  PluginRef ref;
  if (fields.plugin_ref(name, ref)) out = std::move(ref);
}

void decode_named_ref(Fields& fields, std::string_view name, PluginRef& ref) {
  std::string value;
  // An empty name stands for the default.
  if (fields.text(name, value) && !value.empty()) ref = {std::move(value), fields.where().field(name).pointer};
}

DataLayer decode_data_layer(Fields& fields) {
  DataLayer layer;
  fields.boolean("injectDefaults", layer.inject_defaults);
  fields.objects("sources", "DataLayerSource", [&layer](Fields& entry) {
    DataSource source;
    entry.own_plugin_ref(source.ref);
    entry.objects("extractors", "DataLayerExtractor",
                  [&source](Fields& extractor) { extractor.own_plugin_ref(source.extractors.emplace_back()); });
    layer.sources.push_back(std::move(source));
  });
  decode_optional_ref(fields, "discovery", layer.discovery);
  decode_optional_ref(fields, "peerDiscovery", layer.peer_discovery);
  decode_named_ref(fields, "crossReplicaSyncerPluginRef", layer.cross_replica_syncer);
  std::chrono::nanoseconds interval{};
  if (fields.duration("crossReplicaSyncInterval", interval) && interval.count() > 0) {
    layer.cross_replica_sync_interval = interval;
  }
  return layer;
}

PriorityBand decode_band(Fields& fields) {
  PriorityBand band;
  fields.integer("priority", band.priority);
  if (fields.quantity("maxBytes", band.max_bytes) && band.max_bytes == 0) band.max_bytes = kDefaultBandBytes;
  if (fields.quantity("maxRequests", band.max_requests) && band.max_requests == 0) {
    band.max_requests = kDefaultBandRequests;
  }
  decode_named_ref(fields, "fairnessPolicyRef", band.fairness_policy);
  decode_named_ref(fields, "orderingPolicyRef", band.ordering_policy);
  band.pointer = fields.where().pointer;
  return band;
}

void decode_share(Fields& fields, std::string_view name, double& out) {
  std::optional<double> value;
  if (!fields.number(name, value)) return;
  if (*value >= 0 && *value < 1) {
    out = *value;
  } else {
    fields.error(name, std::string(name) + " must be at least 0 and below 1, got " + std::to_string(*value),
                 "a share such as 0.2");
  }
}

void decode_count(Fields& fields, std::string_view name, std::int64_t& out) {
  if (fields.integer(name, out) && out < 0) {
    fields.error(name, std::string(name) + " must not be negative", "0 or more");
  }
}

void decode_extensions(Fields& fields, FlowControlExtensions& epp) {
  fields.boolean("displaceLowerBands", epp.displace_lower_bands);
  decode_share(fields, "reservedForHighBands", epp.reserved_for_high_bands);
  fields.boolean("requestDeadlines", epp.request_deadlines);
  if (fields.duration("holdStale", epp.hold_stale) && epp.hold_stale.count() < 0) {
    fields.error("holdStale", "holdStale must not be negative", "0s or more");
  }
  decode_share(fields, "hysteresis", epp.hysteresis);
  decode_count(fields, "maxFlowsPerBand", epp.max_flows_per_band);
  fields.boolean("gatePerStage", epp.gate_per_stage);
  decode_count(fields, "decodeOnlyBelowTokens", epp.decode_only_below_tokens);
  fields.boolean("retryAfter", epp.retry_after);
  fields.boolean("queuePosition", epp.queue_position);
  fields.boolean("typedAdmitterDenials", epp.typed_admitter_denials);
  decode_named_ref(fields, "evictionFilterPluginRef", epp.eviction_filter);
  decode_named_ref(fields, "evictionOrderingPluginRef", epp.eviction_ordering);
}

void decode_flow_control(Fields& fields, Config& config, Diagnostics& diagnostics) {
  static constexpr std::string_view kGated[] = {"maxBytes",
                                                "maxRequests",
                                                "defaultRequestTTL",
                                                "noEndpointRequestTTL",
                                                "defaultPriorityBand",
                                                "defaultNegativePriorityBand",
                                                "priorityBands",
                                                "usageLimitPolicyPluginRef"};
  FlowControl& flow = config.flow_control;
  fields.quantity("maxBytes", flow.max_bytes);
  fields.quantity("maxRequests", flow.max_requests);
  if (fields.duration("defaultRequestTTL", flow.default_request_ttl)) {
    flow.no_endpoint_request_ttl = flow.default_request_ttl;
  }
  fields.duration("noEndpointRequestTTL", flow.no_endpoint_request_ttl);
  const auto optional_band = [&fields](std::string_view name, std::optional<PriorityBand>& out) {
    fields.object(name, "PriorityBandConfig", [&out](Fields& band) { out = decode_band(band); });
  };
  optional_band("defaultPriorityBand", flow.default_priority_band);
  optional_band("defaultNegativePriorityBand", flow.default_negative_priority_band);
  fields.objects("priorityBands", "PriorityBandConfig",
                 [&flow](Fields& band) { flow.priority_bands.push_back(decode_band(band)); });
  decode_named_ref(fields, "usageLimitPolicyPluginRef", flow.usage_limit_policy);
  fields.plugin_ref("saturationDetector", config.saturation_detector);
  fields.boolean("enableEviction", flow.enable_eviction);
  fields.object("epp", "FlowControlExtensions", [&flow](Fields& epp) { decode_extensions(epp, flow.epp); });
  if (config.feature_gates.flow_control) return;
  FlowControlExtensions ungated;
  ungated.typed_admitter_denials = flow.epp.typed_admitter_denials;
  if (flow.epp != ungated ||
      std::any_of(std::begin(kGated), std::end(kGated), [&](std::string_view name) { return fields.has(name); })) {
    diagnostics.warning(
        "WARNING: the flowControl section is ignored because the feature gate 'flowControl' is not enabled",
        fields.where().pointer);
  }
}

void decode_deprecated(Fields& top, Config& config, Diagnostics& diagnostics) {
  PluginRef detector;
  if (top.plugin_ref("saturationDetector", detector)) {
    diagnostics.deprecation(
        "DEPRECATION: the top level field saturationDetector is deprecated, use flowControl.saturationDetector instead",
        "/saturationDetector");
    if (config.saturation_detector.pointer.empty()) config.saturation_detector = std::move(detector);
  }
  PluginRef parser;
  if (top.plugin_ref("parser", parser)) {
    diagnostics.deprecation("DEPRECATION: the top level field parser is deprecated, use requestHandler.parsers instead",
                            "/parser");
    if (config.parsers.empty()) config.parsers.push_back(std::move(parser));
  }
}

void decode_document(Fields& top, Config& config, Diagnostics& diagnostics) {
  identify(top, diagnostics);
  std::vector<std::string> gates;
  top.texts("featureGates", gates);
  config.feature_gates = parse_feature_gates(gates, diagnostics);
  top.texts("pluginDirectories", config.plugin_directories);
  top.objects("plugins", "PluginSpec", [&config](Fields& entry) { config.plugins.push_back(decode_plugin(entry)); });
  top.objects("schedulingProfiles", "SchedulingProfile",
              [&config](Fields& entry) { config.profiles.push_back(decode_profile(entry)); });
  top.object("dataLayer", "DataLayerConfig",
             [&config](Fields& layer) { config.data_layer = decode_data_layer(layer); });
  top.object("flowControl", "FlowControlConfig", [&](Fields& flow) { decode_flow_control(flow, config, diagnostics); });
  top.object("requestHandler", "RequestHandlerConfig", [&config](Fields& handler) {
    handler.objects("parsers", "ParserConfig",
                    [&config](Fields& entry) { entry.own_plugin_ref(config.parsers.emplace_back()); });
  });
  decode_deprecated(top, config, diagnostics);
  // Tells editors which schema to use; means nothing to us.
  top.skip("$schema");
  top.finish();
}

}  // namespace

bool decode_config(std::string_view text, const std::string& file, LoadedConfig& loaded, Diagnostics& diagnostics) {
  loaded = {};
  loaded.source = SourceMap(file);
  if (text.empty()) text = default_document();
  loaded.text = text;
  const std::size_t before = diagnostics.error_count();
  if (text.size() > kMaxDocumentBytes) {
    diagnostics.error(std::string(kPrefix) + "the document has " + std::to_string(text.size()) + " bytes", {},
                      "at most " + std::to_string(kMaxDocumentBytes) + " bytes");
    return false;
  }
  Json tree;
  if (!parse_document(text, kPrefix, tree, loaded.source, diagnostics)) return false;
  if (!tree.is_null() && !tree.is_object()) {
    diagnostics.error(std::string(kPrefix) + "couldn't get version/kind; json parse error: json: cannot unmarshal " +
                          tree.type_name() + " into an " + std::string(kKind),
                      {}, "an object");
    return false;
  }
  Fields top(tree, {}, kKind, kPrefix, diagnostics);
  decode_document(top, loaded.config, diagnostics);
  return diagnostics.error_count() == before;
}

bool load_config(const std::string& config_file, const std::string& config_text, LoadedConfig& loaded,
                 Diagnostics& diagnostics) {
  if (!config_text.empty()) return decode_config(config_text, "--config-text", loaded, diagnostics);
  if (config_file.empty()) return decode_config({}, "built-in default", loaded, diagnostics);

  loaded.source = SourceMap(config_file);
  const auto unreadable = [&](const std::string& why) {
    diagnostics.error("failed to load config from a file '" + config_file + "' - " + why);
    return false;
  };
  errno = 0;
  std::ifstream stream(config_file, std::ios::binary);
  if (!stream) {
    const int failure = errno;
    return unreadable("open " + config_file + ": " + std::strerror(failure));
  }
  std::string text;
  char buffer[16384];
  errno = 0;
  while (text.size() <= kMaxDocumentBytes && (stream.read(buffer, sizeof buffer) || stream.gcount() > 0)) {
    text.append(buffer, static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad() || errno == EISDIR) {
    return unreadable("read " + config_file + ": " + std::strerror(errno == 0 ? EIO : errno));
  }
  return decode_config(text, config_file, loaded, diagnostics);
}

}  // namespace epp::config
