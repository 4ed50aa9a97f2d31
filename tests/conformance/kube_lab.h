// EPPs that follow a cluster: a namespace of the real API server, or a fake one.
#pragma once

#include "conformance/lab.h"
#include "support/fake_api_server.h"
#include "support/kube_api.h"

#include <set>
#include <string>
#include <vector>

namespace epp::conformance {

class Client;

inline const std::string kAnyEndpoint = "plugins: []";

struct KubeEpp {
  Flags flags = {};
  std::string config = kAnyEndpoint;  // empty: no flag, the host's own
  std::string pool = "pool";          // empty: the flags have an endpoint selector
  testing::KubeUser user = testing::KubeUser::kEpp;
  std::string service = {};  // whose SERVING is waited for
  bool wait_until_serving = true;
  std::vector<std::string> environment = {};
};

// A namespace of the shared API server. The fake one below has the same face.
class Cluster {
 public:
  testing::KubeNamespace space{testing::KubeServer::shared()};

  EppServer start(const KubeEpp& epp = {}) const;
  // The name of the lease of this pool's EPPs.
  std::string lease_name() const;
};

class FakeCluster {
 public:
  explicit FakeCluster(const std::string& name_space = "ns");

  testing::FakeApiServer api;
  const std::string name_space;
  const std::string pods = "/api/v1/namespaces/" + name_space + "/pods";
  const std::string pools = "/apis/inference.networking.k8s.io/v1/namespaces/" + name_space + "/inferencepools";
  const std::string objectives = "/apis/llm-d.ai/v1alpha2/namespaces/" + name_space + "/inferenceobjectives";
  const std::string rewrites = "/apis/llm-d.ai/v1alpha2/namespaces/" + name_space + "/inferencemodelrewrites";
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/" + name_space + "/leases";
  const std::string events = "/api/v1/namespaces/" + name_space + "/events";

  // Also InferenceObjectives and InferenceModelRewrites, which are not there at first.
  void serve_objectives();
  // Creates or changes; the new resourceVersion.
  std::string put_pod(const testing::KubePod& pod);
  std::string put_pool(const testing::KubePool& pool = {});
  // The pool, and pod "a" at 127.1.0.1.
  void put_pool_of_a();

  EppServer start(const KubeEpp& epp = {}) const;
  // With another kubeconfig.
  EppServer start_with(const std::filesystem::path& kubeconfig, const KubeEpp& epp = {}) const;

  // Waits until the pods are watched by one EPP.
  bool is_watched() const;
  // How often they were listed, and the next watch of them after so many requests.
  std::size_t pod_lists() const;
  testing::ApiRequestSeen pod_watch_after(std::size_t requests) const;
  std::size_t requests() const { return api.requests().size(); }
};

using Destinations = std::set<std::string>;

// The destinations of `count` requests; "503" and the like for refusals.
Destinations destinations(const Client& client, int count = 30);
// Waits until requests go to exactly these. A second is promised by the references; a busy machine may take longer.
bool goes_to(const Client& client, const Destinations& wanted);
// Waits until the EPP has exactly these endpoints.
bool has_endpoints(const EppServer& epp, const std::vector<std::string>& names);
// Waits until the EPP knows the objectives and rewrites of the cluster; it serves before.
bool knows_policies(const EppServer& epp);
// The sum of a counter's or gauge's samples with these labels; 0 if there are none.
double metric_of(const EppServer& epp, const std::string& name, const std::map<std::string, std::string>& labels = {});

}  // namespace epp::conformance
