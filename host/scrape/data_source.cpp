#include "scrape/data_source.h"

#include "config/go_duration.h"
#include "scrape/strict_json.h"

#include <set>

namespace epp::scrape {
namespace {

// What sets one source type apart.
struct SourceType {
  std::string_view type;
  std::string_view scheme;
  std::string_view path;
  bool insecure_skip_verify;
  bool has_port;
  bool has_ca;
  bool has_node_address;
};

constexpr SourceType kTypes[] = {
    {kMetricsDataSource, "http", "/metrics", true, true, true, false},
    {kMulticlusterMetricsDataSource, "https", "/metrics", false, true, true, false},
    {kModelsDataSource, "http", "/v1/models", true, false, true, false},
    {kDcgmDataSource, "http", "/metrics", true, true, false, true},
};
constexpr std::uint16_t kDcgmPort = 9400;

const SourceType* find_type(std::string_view type) {
  for (const auto& known : kTypes) {
    if (known.type == type) return &known;
  }
  return nullptr;
}

void check_known_fields(const Json& json, const SourceType& type) {
  std::set<std::string_view> known = {"scheme", "path", "insecureSkipVerify", "interval", "maxBodyBytes", "parseMode"};
  if (type.has_port) known.insert("port");
  if (type.has_ca) known.insert({"caCertPath", "clientCertPath", "clientKeyPath"});
  if (type.has_node_address) known.insert("useNodeAddress");
  for (const auto& item : json.items()) {
    if (!known.contains(item.key())) throw ParameterError("json: unknown field \"" + item.key() + "\"");
  }
}

std::chrono::nanoseconds parse_interval(const std::string& text) {
  if (text.empty()) return std::chrono::nanoseconds(0);
  const auto parsed = config::parse_duration(text);
  if (const auto* error = std::get_if<config::DurationError>(&parsed)) {
    throw ParameterError("invalid interval: " + error->text);
  }
  const auto interval = std::get<std::chrono::nanoseconds>(parsed);
  if (interval.count() < 0) throw ParameterError("invalid interval \"" + text + "\": must not be negative");
  return interval;
}

}  // namespace

DataSourceParameters parse_data_source_parameters(std::string_view type_name, std::string_view text) {
  const SourceType* type = find_type(type_name);
  if (type == nullptr) throw ParameterError("unknown data source type \"" + std::string(type_name) + "\"");
  const Json json = parse_object(text);
  check_known_fields(json, *type);

  DataSourceParameters source;
  source.scheme = std::string(type->scheme);
  source.path = std::string(type->path);
  source.insecure_skip_verify = type->insecure_skip_verify;
  if (type->type == kDcgmDataSource) source.port = kDcgmPort;

  std::string scheme;
  std::string path;
  std::string interval;
  std::string mode;
  read_field(json, "scheme", scheme);
  read_field(json, "path", path);
  read_field(json, "interval", interval);
  read_field(json, "parseMode", mode);
  if (!scheme.empty()) source.scheme = scheme;
  if (!path.empty()) source.path = path;
  if (source.scheme != "http" && source.scheme != "https") {
    throw ParameterError("unsupported scheme: " + source.scheme);
  }
  source.interval = parse_interval(interval);
  if (mode == "tolerant") {
    source.parse_mode = ParseMode::kTolerant;
  } else if (!mode.empty() && mode != "strict") {
    throw ParameterError("field \"parseMode\": \"" + mode + "\" is none of strict, tolerant");
  }
  if (json.contains("port") && !json["port"].is_null()) {
    std::uint64_t port = 0;
    read_field(json, "port", port);
    if (port < 1 || port > 65535) throw ParameterError("port must be between 1 and 65535");
    source.port = static_cast<std::uint16_t>(port);
  }
  read_field(json, "useNodeAddress", source.use_node_address);
  read_field(json, "insecureSkipVerify", source.insecure_skip_verify);
  read_field(json, "caCertPath", source.ca_file);
  read_field(json, "clientCertPath", source.client_cert_file);
  read_field(json, "clientKeyPath", source.client_key_file);
  if (source.client_cert_file.empty() != source.client_key_file.empty()) {
    throw ParameterError("clientCertPath and clientKeyPath must be given together");
  }
  read_field(json, "maxBodyBytes", source.max_body_bytes);
  if (source.max_body_bytes == 0) throw ParameterError("maxBodyBytes must be positive");
  return source;
}

std::string data_source_schema(std::string_view type_name) {
  const SourceType* type = find_type(type_name);
  if (type == nullptr) return {};
  Json properties = {
      {"scheme", {{"enum", {"http", "https"}}, {"default", type->scheme}}},
      {"path", {{"type", "string"}, {"default", type->path}}},
      {"insecureSkipVerify", {{"type", "boolean"}, {"default", type->insecure_skip_verify}}},
      {"interval",
       {{"type", "string"}, {"description", "Go duration such as 1s; empty: every --refresh-metrics-interval"}}},
      {"maxBodyBytes", {{"type", "integer"}, {"minimum", 1}, {"default", 8u << 20}}},
      {"parseMode",
       {{"enum", {"strict", "tolerant"}},
        {"default", "strict"},
        {"description", "strict: one bad line fails the page; tolerant: it is skipped, OpenMetrics is read as well"}}},
  };
  if (type->has_port) {
    properties["port"] = {{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}};
    if (type->type == kDcgmDataSource) properties["port"]["default"] = kDcgmPort;
  }
  if (type->has_ca) {
    for (const char* file : {"caCertPath", "clientCertPath", "clientKeyPath"})
      properties[file] = {{"type", "string"}};
  }
  if (type->has_node_address) properties["useNodeAddress"] = {{"type", "boolean"}, {"default", false}};
  const Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                       {"type", "object"},
                       {"additionalProperties", false},
                       {"properties", properties}};
  return schema.dump(2);
}

std::optional<net::Origin> poll_target(const DataSourceParameters& source, const endpoints::Endpoint& endpoint) {
  net::Origin target;
  target.tls = source.scheme == "https";
  if (source.port) {
    const auto& spec = endpoint.spec();
    const bool node = source.use_node_address && !spec.node_address.empty();
    target.host = node ? spec.node_address : spec.address;
    target.port = std::to_string(*source.port);
  } else {
    auto both = net::split_host_port(endpoint.metrics_host());
    if (!both) return std::nullopt;
    target.host = std::move(both->host);
    target.port = std::move(both->port);
  }
  return target;
}

}  // namespace epp::scrape
