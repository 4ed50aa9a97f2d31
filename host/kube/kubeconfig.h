// kubeconfig files: YAML (or JSON) with named clusters, users and contexts.
//
//   clusters: [{name, cluster: {server, certificate-authority[-data], insecure-skip-tls-verify, tls-server-name}}]
//   users:    [{name, user: {token | tokenFile | username, password; client-certificate[-data], client-key[-data];
//                            as, as-uid, as-groups, as-user-extra}}]
//   contexts: [{name, context: {cluster, user, namespace}}]
//   current-context: NAME
//
// The form with -data wins over the file, tokenFile over token. proxy-url, exec and auth-provider are refused, in the
// entries that are used. Unknown fields are ignored.
#pragma once

#include "kube/cluster_config.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace epp::kube {

inline constexpr std::size_t kMaxKubeconfigBytes = 1u << 20;

struct KubeconfigFile {
  std::string path;  // relative file names in it are relative to its folder
  std::string text;
};

// Merges the files: of entries with the same name the first counts, whole. Resolves `context` (empty: the first
// current-context). Files that it names are not opened. Throws ConfigError.
[[nodiscard]] ClusterConfig resolve_kubeconfig(const std::vector<KubeconfigFile>& files, std::string_view context);

}  // namespace epp::kube
