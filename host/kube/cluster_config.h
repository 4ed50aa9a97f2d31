// Where the API server is and who we are to it: from a kubeconfig (kubeconfig.h) or from the pod's service account.
//
//   order:  KUBECONFIG (colon-separated, merged; the first definition of a name wins)
//           in-cluster, when KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and a readable token file are there
//           $HOME/.kube/config
#pragma once

#include "net/http_client.h"
#include "net/tls.h"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace epp::kube {

// Says which file and field is wrong and what was expected: "/root/.kube/config: users[2].user.exec: ...".
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ClusterConfig {
  net::Origin server;
  std::string base_path;  // prefix of every path, without a trailing '/'; usually empty
  net::TlsClientOptions tls;

  // At most one way to say who we are, besides a client certificate in `tls`.
  std::string token;       // sent as is
  std::string token_file;  // wins over token; read again as it is rotated
  std::string username;    // basic authentication
  std::string password;

  // Impersonation headers, in wire order.
  std::vector<std::pair<std::string, std::string>> impersonation;

  std::string default_namespace = "default";  // the context's, or the service account's
  std::string origin_text;                    // for logs: "in-cluster" or the kubeconfig's path
  std::vector<std::string> notes;             // worth a log line: a CA file that is not there, ...
};

// What the search depends on; tests give their own.
struct ConfigSources {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::string service_account_directory = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string kubeconfig;  // --kubeconfig: this file alone; empty: the order above
  std::string context;     // --kube-context; empty: current-context
};

[[nodiscard]] ConfigSources process_sources();

// Throws ConfigError, also when there is no cluster at all ("no cluster configuration: ...").
[[nodiscard]] ClusterConfig load_cluster_config(const ConfigSources& sources);

}  // namespace epp::kube
