// The command line as a plain value. Names and defaults are upstream's; what is ours alone is marked.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace epp::config {

enum class Command : std::uint8_t { kServe, kValidate, kPluginsList, kPluginsDescribe, kPluginsNew, kSchema, kVersion };

enum class LogFormat : std::uint8_t { kJson, kText };

// `--endpoint name=host:port,label=value,...`
struct StaticEndpoint {
  std::string name;
  std::string host;  // an IP address without brackets, or a host name
  std::uint16_t port = 0;
  std::vector<std::pair<std::string, std::string>> labels;
};

struct Options {
  Command command = Command::kServe;
  std::string plugin_type;               // `plugins describe TYPE`, `plugins new NAME`
  std::string skeleton_language;         // `plugins new`: c, cpp or rust
  std::string skeleton_kind = "scorer";  // `plugins new`: scorer, filter or picker
  std::string output;                    // `plugins new`: a directory; "": the plugin's name
  bool print_effective = false;          // `validate --print`

  // Configuration
  std::string config_file;
  std::string config_text;
  bool watch_config_file = true;  // ours: and plugin directories
  bool allow_experimental_plugins = false;
  std::vector<std::string> plugin_directories;  // ours: --plugin-dir, then EPP_PLUGIN_PATH
  std::chrono::nanoseconds plugin_call_budget = std::chrono::milliseconds(50);  // ours; 0: none

  // Pool
  std::string pool_name;
  std::string pool_namespace;  // flag, else NAMESPACE, else "default"
  std::string pool_group = "inference.networking.k8s.io";
  std::string endpoint_selector;
  std::vector<std::uint16_t> endpoint_target_ports;  // no duplicates, first kept
  std::vector<StaticEndpoint> endpoints;             // ours: no pool, no Kubernetes
  bool disable_endpoint_subset_filter = false;
  bool strict_subset_ports = false;  // ours

  // Kubernetes API; all ours
  std::string kubeconfig;    // "": $KUBECONFIG, else the service account, else ~/.kube/config
  std::string kube_context;  // "": the current one
  int kube_api_qps = 50;     // requests per second, watches included
  int kube_api_burst = 100;
  std::chrono::nanoseconds kube_watch_idle_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds kube_dead_peer_timeout = std::chrono::seconds(30);  // 0: the system's

  // Election
  bool leader_election = false;
  std::chrono::nanoseconds lease_duration = std::chrono::seconds(15);  // ours
  std::chrono::nanoseconds renew_deadline = std::chrono::seconds(10);  // ours
  std::chrono::nanoseconds retry_period = std::chrono::seconds(2);     // ours
  bool exit_on_lost_lease = true;                                      // ours; false: goes on as a follower
  bool follower_refuses = false;                                       // ours; new requests get 503

  // Listeners
  std::string bind_address;  // ours; "" is every address, dual stack
  std::uint16_t grpc_port = 9002;
  std::uint16_t grpc_health_port = 9003;
  std::uint16_t metrics_port = 9090;
  bool reuse_port = false;  // ours
  bool secure_serving = true;
  std::string cert_path;
  bool enable_cert_reload = false;
  std::string tls_min_version;  // "" or VersionTLS10..VersionTLS13
  std::vector<std::string> tls_cipher_suites;
  bool health_checking = false;
  std::int64_t grpc_max_recv_msg_size = 0;  // bytes; 0: library default
  std::int64_t grpc_max_send_msg_size = 0;  // bytes; 0: library default
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);

  // Metrics and admin server
  bool metrics_endpoint_auth = true;
  std::string metrics_cert_dir;
  std::string metrics_client_ca_file;
  bool enable_pprof = true;
  bool enable_grpc_stream_metrics = false;
  std::chrono::nanoseconds refresh_metrics_interval = std::chrono::milliseconds(50);
  std::chrono::nanoseconds refresh_prometheus_metrics_interval = std::chrono::seconds(5);
  std::chrono::nanoseconds metrics_staleness_threshold = std::chrono::seconds(2);

  // Request path
  bool emit_endpoint_scores = false;
  std::int64_t max_request_body_bytes = std::int64_t{64} << 20;  // ours; one request
  std::int64_t max_buffered_bytes = std::int64_t{1} << 30;       // ours; all streams together
  bool splice_model_name = true;                                 // ours; false re-serialises the body
  bool stream_responses = false;                                 // ours; true forwards each chunk of any response
  bool strict_path_suffix = false;                               // ours

  // Process
  int verbosity = 2;          // never negative
  std::string zap_log_level;  // overrides verbosity when set
  LogFormat log_format = LogFormat::kJson;
  bool tracing = true;
  int io_threads = 0;       // ours; 0: chosen by the host
  int extproc_threads = 0;  // ours; 0: chosen by the host

  std::vector<std::string> warnings;  // to be logged once a logger stands
};

}  // namespace epp::config
