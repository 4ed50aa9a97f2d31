#include "conformance/kube_lab.h"

#include "conformance/exchange.h"
#include "support/http_client.h"
#include "support/metrics_text.h"
#include "support/wait.h"

#include <algorithm>

namespace epp::conformance {

using testing::KubeServer;
using testing::wait_until;

namespace {

EppServer start_epp(const std::filesystem::path& kubeconfig, const std::string& name_space, const KubeEpp& epp) {
  Flags flags{"--kubeconfig=" + kubeconfig.string(), "--pool-namespace=" + name_space};
  if (!epp.config.empty()) flags.push_back("--config-text=" + epp.config);
  if (!epp.pool.empty()) flags.push_back("--pool-name=" + epp.pool);
  flags.insert(flags.end(), epp.flags.begin(), epp.flags.end());
  return EppServer({.arguments = flags,
                    .wait_until_serving = epp.wait_until_serving,
                    .service = epp.service,
                    .environment = epp.environment});
}

}  // namespace

EppServer Cluster::start(const KubeEpp& epp) const {
  return start_epp(KubeServer::shared().kubeconfig_file(epp.user), space.name(), epp);
}

std::string Cluster::lease_name() const {
  return "epp-" + space.name() + "-pool.llm-d.ai";
}

FakeCluster::FakeCluster(const std::string& name) : name_space(name) {
  api.serve(pods, "Pod");
  api.serve(pools, "InferencePool");
  api.serve(leases, "Lease");
  api.serve(events, "Event");
}

void FakeCluster::serve_objectives() {
  api.serve(objectives, "InferenceObjective");
  api.serve(rewrites, "InferenceModelRewrite");
}

std::string FakeCluster::put_pod(const testing::KubePod& pod) {
  testing::Json object = testing::pod_object(pod);
  object["metadata"]["namespace"] = name_space;
  return api.put(pods, std::move(object));
}

std::string FakeCluster::put_pool(const testing::KubePool& pool) {
  testing::Json object = testing::pool_object(pool);
  object["metadata"]["namespace"] = name_space;
  return api.put(pools, std::move(object));
}

void FakeCluster::put_pool_of_a() {
  put_pool();
  put_pod({.name = "a", .ip = "127.1.0.1"});
}

bool FakeCluster::is_watched() const {
  return wait_until([&] { return api.open_watches(pods) == 1; });
}

std::size_t FakeCluster::pod_lists() const {
  return api.count([&](const testing::ApiRequestSeen& request) { return request.is_list_of(pods); });
}

testing::ApiRequestSeen FakeCluster::pod_watch_after(std::size_t requests) const {
  return api.wait_for([&](const testing::ApiRequestSeen& request) { return request.is_watch_of(pods); }, requests);
}

EppServer FakeCluster::start(const KubeEpp& epp) const {
  return start_with(api.kubeconfig_file(), epp);
}

EppServer FakeCluster::start_with(const std::filesystem::path& kubeconfig, const KubeEpp& epp) const {
  return start_epp(kubeconfig, name_space, epp);
}

Destinations destinations(const Client& client, int count) {
  Destinations seen;
  for (int i = 0; i < count; ++i) {
    const Decision decision = client.ask();
    seen.insert(decision.status == 200 ? decision.destination : std::to_string(decision.status));
  }
  return seen;
}

bool goes_to(const Client& client, const Destinations& wanted) {
  return wait_until([&] { return destinations(client) == wanted; }, std::chrono::seconds(5));
}

bool has_endpoints(const EppServer& epp, const std::vector<std::string>& names) {
  return wait_until([&] { return endpoint_names(epp) == names; });
}

bool knows_policies(const EppServer& epp) {
  return wait_until([&] {
    const testing::Json watches = testing::Json::parse(testing::http_get(epp.metrics_port(), "/debug/kubernetes").body)
                                      .at("discovery")
                                      .at("watches");
    const auto synced = [&](const char* resource) {
      return watches.contains(resource) && watches.at(resource).at("synced") == true;
    };
    return synced("inferenceobjectives") && synced("inferencemodelrewrites");
  });
}

double metric_of(const EppServer& epp, const std::string& name, const std::map<std::string, std::string>& labels) {
  return testing::sample_sum(epp.metrics(), name, labels).value_or(0);
}

}  // namespace epp::conformance
