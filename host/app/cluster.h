// The side of this process that faces a Kubernetes API server: discovery, election, reviews of who may read metrics.
#pragma once

#include "app/cluster_log.h"
#include "app/pool_identity.h"
#include "config/options.h"
#include "discovery/kubernetes/kubernetes_discovery.h"
#include "kube/access/access_reviewer.h"
#include "kube/client.h"
#include "kube/election/lease_elector.h"
#include "telemetry/kube_metrics.h"
#include "telemetry/metrics.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::app {

// What it stands on; all of it outlives the cluster.
struct ClusterParts {
  net::IoPool& pool;
  endpoints::EndpointTable& table;
  objectives::ObjectiveTable& objectives;
  objectives::RewriteTable& rewrites;
  telemetry::Registry& registry;
  telemetry::EppMetrics& metrics;
  telemetry::Logger log;
  std::function<void(std::string_view why)> on_lead_lost;  // [pool threads] must not block
};

class Cluster {
 public:
  // Finds and checks the cluster's configuration; no request is made. Throws std::runtime_error.
  Cluster(const config::Options& options, const PoolIdentity& identity, ClusterParts parts);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void start();
  // Gives the lease back, if we have it, so that another replica may lead at once. [main]
  void release_lease(std::chrono::milliseconds limit);

  // [any thread]
  bool synced() const { return discovery_.synced(); }
  std::string app_protocol() const { return discovery_.app_protocol(); }
  std::optional<bool> leader() const;  // nullopt: no election
  // {"discovery":{...},"election":null or {"lease","identity","leading"}}
  std::string state_json() const;

  // Null: everybody may read metrics.
  kube::AccessReviewer* reviewer() { return reviewer_.get(); }

 private:
  telemetry::Logger log_;
  telemetry::KubeMetrics metrics_;
  ClusterLog observer_;
  kube::Client client_;
  discovery::KubernetesDiscovery discovery_;
  kube::ElectionOptions election_;
  std::unique_ptr<kube::LeaseElector> elector_;
  std::unique_ptr<kube::Client> review_client_;
  std::unique_ptr<kube::AccessReviewer> reviewer_;
  std::vector<telemetry::CallbackHandle> gauges_;
};

}  // namespace epp::app
