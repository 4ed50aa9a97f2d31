#include "config/flags.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace epp::config {
namespace {

void check_pool(const Options& options, std::vector<std::string>& errors) {
  if (!options.endpoints.empty()) {
    if (!options.endpoint_selector.empty()) {
      errors.emplace_back(R"(the "endpoint" and "endpoint-selector" flags cannot be set at the same time)");
    }
    return;
  }
  if (options.pool_name.empty() == options.endpoint_selector.empty()) {
    errors.emplace_back("either pool-name or endpoint-selector must be set");
  }
  constexpr std::size_t kMaxPorts = 8;
  const auto ports = options.endpoint_target_ports.size();
  if (!options.endpoint_selector.empty() && (ports == 0 || ports > kMaxPorts)) {
    errors.emplace_back(R"(flag "endpoint-target-ports" should have length from 1 to 8)");
  }
}

// A leader must notice that it lost before another one may take over, and must have tried more than once until then.
void check_election(const Options& options, std::vector<std::string>& errors) {
  constexpr int kTenths = 12;  // of the retry period, as upstream's election library demands
  if (options.retry_period <= std::chrono::nanoseconds(0)) errors.emplace_back("ha-retry-period must be positive");
  if (options.renew_deadline * 10 <= options.retry_period * kTenths) {
    errors.emplace_back("ha-renew-deadline must be greater than 1.2 times ha-retry-period");
  }
  if (options.lease_duration <= options.renew_deadline) {
    errors.emplace_back("ha-lease-duration must be greater than ha-renew-deadline");
  }
}

void check_cluster(const Options& options, std::vector<std::string>& errors) {
  if (options.kube_watch_idle_timeout < std::chrono::seconds(2)) {
    errors.emplace_back("kube-watch-idle-timeout must be at least 2s");
  }
  if (options.kube_dead_peer_timeout < std::chrono::nanoseconds(0)) {
    errors.emplace_back("kube-dead-peer-timeout must not be negative");
  }
}

void check_plugins(const Options& options, std::vector<std::string>& errors) {
  if (options.plugin_call_budget < std::chrono::nanoseconds(0)) {
    errors.emplace_back("plugin-call-budget must not be negative");
  }
}

void check_readable(const std::string& what, const std::string& path, std::vector<std::string>& errors) {
  errno = 0;
  const std::ifstream file(path, std::ios::binary);
  const int failure = errno;
  if (!file) errors.push_back(what + " unreadable: " + path + ": " + std::strerror(failure == 0 ? EIO : failure));
}

void check_metrics_tls(const Options& options, std::vector<std::string>& errors) {
  const std::string& directory = options.metrics_cert_dir;
  const std::string& authority = options.metrics_client_ca_file;
  if (directory.empty()) {
    if (!authority.empty()) errors.emplace_back(R"("metrics-client-ca-file" requires "metrics-cert-dir")");
    return;
  }
  if (authority.empty() && !options.metrics_endpoint_auth) {
    errors.emplace_back(
        "\"metrics-cert-dir\" enables metrics TLS without authentication; set \"metrics-client-ca-file\" or enable "
        "\"metrics-endpoint-auth\"");
  }
  check_readable("metrics TLS cert file", directory + "/tls.crt", errors);
  check_readable("metrics TLS key file", directory + "/tls.key", errors);
  if (!authority.empty()) check_readable("metrics client CA file", authority, errors);
}

void check_tls_version(const Options& options, std::vector<std::string>& errors) {
  static constexpr std::array<std::string_view, 5> kVersions{"", "VersionTLS10", "VersionTLS11", "VersionTLS12",
                                                             "VersionTLS13"};
  if (std::find(kVersions.begin(), kVersions.end(), options.tls_min_version) == kVersions.end()) {
    errors.push_back("unknown tls version \"" + options.tls_min_version + "\"");
  }
}

}  // namespace

std::vector<std::string> validate_options(const Options& options) {
  std::vector<std::string> errors;
  check_pool(options, errors);
  if (!options.config_file.empty() && !options.config_text.empty()) {
    errors.emplace_back(R"(both the "config-file" and "config-text" flags cannot be set at the same time)");
  }
  check_election(options, errors);
  check_cluster(options, errors);
  check_plugins(options, errors);
  check_metrics_tls(options, errors);
  check_tls_version(options, errors);
  return errors;
}

}  // namespace epp::config
