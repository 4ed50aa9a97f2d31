// Where and how often a polling source reads: the parameters of `metrics-data-source` and its relatives.
#pragma once

#include "endpoints/endpoint.h"
#include "net/http_client.h"
#include "scrape/prometheus_text.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::scrape {

struct DataSourceParameters {
  std::string scheme = "http";
  std::string path = "/metrics";      // escaped as a path: a query cannot be expressed
  std::optional<std::uint16_t> port;  // in place of the endpoint's own metrics port
  bool use_node_address = false;      // with port: the node's address in place of the endpoint's
  bool insecure_skip_verify = true;
  std::string ca_file;
  std::string client_cert_file;
  std::string client_key_file;
  std::chrono::nanoseconds interval{0};  // 0: every base tick
  // Ours, beyond upstream's.
  std::size_t max_body_bytes = 8u << 20;
  ParseMode parse_mode = ParseMode::kStrict;
};

// The source types that differ in defaults and in which parameters exist.
inline constexpr std::string_view kMetricsDataSource = "metrics-data-source";
inline constexpr std::string_view kMulticlusterMetricsDataSource = "multicluster-metrics-data-source";
inline constexpr std::string_view kModelsDataSource = "models-data-source";
inline constexpr std::string_view kDcgmDataSource = "dcgm-data-source";

// `json` is the parameters object, or empty. Throws ParameterError: an unknown source type or field, an unsupported
// scheme, a malformed or negative interval, a port outside 1..65535, a client certificate without key or the reverse.
[[nodiscard]] DataSourceParameters parse_data_source_parameters(std::string_view type, std::string_view json);

// JSON Schema (draft-07) of the parameters of `type`; empty for an unknown type.
[[nodiscard]] std::string data_source_schema(std::string_view type);

// Where `endpoint` is polled. nullopt when its metrics host is not host:port.
[[nodiscard]] std::optional<net::Origin> poll_target(const DataSourceParameters& source,
                                                     const endpoints::Endpoint& endpoint);

}  // namespace epp::scrape
