#include "kube/cluster_config.h"

#include "kube/kubeconfig.h"
#include "kube/small_file.h"

#include <algorithm>
#include <cstdlib>

namespace epp::kube {
namespace {

constexpr std::size_t kMaxCredentialBytes = 64u << 10;

std::string variable(const ConfigSources& sources, const std::string& name) {
  return sources.environment ? sources.environment(name).value_or("") : std::string();
}

// Reads one file into `files`. A file that is not there is passed over when `optional`.
void add_file(const std::string& path, bool optional, std::vector<KubeconfigFile>& files) {
  FileText file = read_small_file(path, kMaxKubeconfigBytes);
  if (file.missing && optional) return;
  if (!file.text) throw ConfigError(path + ": cannot be read: " + file.error);
  files.push_back({path, std::move(*file.text)});
}

std::vector<KubeconfigFile> read_list(std::string_view paths) {
  std::vector<KubeconfigFile> files;
  while (!paths.empty()) {
    const auto end = std::min(paths.find(':'), paths.size());
    if (end > 0) add_file(std::string(paths.substr(0, end)), true, files);
    paths.remove_prefix(std::min(end + 1, paths.size()));
  }
  return files;
}

std::optional<ClusterConfig> in_cluster(const ConfigSources& sources) {
  std::string host = variable(sources, "KUBERNETES_SERVICE_HOST");
  const std::string port = variable(sources, "KUBERNETES_SERVICE_PORT");
  const std::string& folder = sources.service_account_directory;
  const std::string token_file = folder + "/token";
  if (host.empty() || port.empty()) return std::nullopt;
  if (!read_small_file(token_file, kMaxCredentialBytes).text) return std::nullopt;

  ClusterConfig config;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (!net::split_host_port(net::join_host_port(host, port))) {
    throw ConfigError("in-cluster: KUBERNETES_SERVICE_PORT: must be a port from 1 to 65535, is \"" + port + "\"");
  }
  config.server = {true, std::move(host), port};
  config.token_file = token_file;
  config.origin_text = "in-cluster";
  const std::string ca_file = folder + "/ca.crt";
  if (const FileText ca = read_small_file(ca_file, kMaxKubeconfigBytes); ca.text) {
    config.tls.ca_file = ca_file;
  } else {
    config.notes.push_back(ca_file + ": " + ca.error + "; the system's certificate authorities are trusted instead");
  }
  if (const FileText name = read_small_file(folder + "/namespace", kMaxCredentialBytes);
      name.text && !trim(*name.text).empty()) {
    config.default_namespace = std::string(trim(*name.text));
  }
  return config;
}

}  // namespace

ConfigSources process_sources() {
  ConfigSources sources;
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  return sources;
}

ClusterConfig load_cluster_config(const ConfigSources& sources) {
  if (!sources.kubeconfig.empty()) {
    std::vector<KubeconfigFile> files;
    add_file(sources.kubeconfig, false, files);
    return resolve_kubeconfig(files, sources.context);
  }
  if (const std::string paths = variable(sources, "KUBECONFIG"); !paths.empty()) {
    const auto files = read_list(paths);
    if (files.empty())
      throw ConfigError("no cluster configuration: KUBECONFIG: none of the files in " + paths + " exists");
    return resolve_kubeconfig(files, sources.context);
  }
  if (auto config = in_cluster(sources)) return std::move(*config);
  std::vector<KubeconfigFile> files;
  const std::string home = variable(sources, "HOME");
  if (!home.empty()) add_file(home + "/.kube/config", true, files);
  if (files.empty()) {
    throw ConfigError(
        "no cluster configuration: KUBECONFIG is not set, there is no service account (KUBERNETES_SERVICE_HOST, "
        "KUBERNETES_SERVICE_PORT and " +
        sources.service_account_directory + "/token) and no $HOME/.kube/config");
  }
  return resolve_kubeconfig(files, sources.context);
}

}  // namespace epp::kube
