#include "app/cluster.h"

#include "endpoints/endpoint_table.h"
#include "kube/cluster_config.h"
#include "lifecycle/stream.h"
#include "telemetry/json_text.h"

#include <array>
#include <utility>

#include <unistd.h>

namespace epp::app {
namespace {

using std::chrono::milliseconds;

milliseconds in_milliseconds(std::chrono::nanoseconds duration) {
  return std::chrono::ceil<milliseconds>(duration);
}

kube::ClusterConfig configuration(const config::Options& options, const telemetry::Logger& log) {
  kube::ConfigSources sources = kube::process_sources();
  sources.kubeconfig = options.kubeconfig;
  sources.context = options.kube_context;
  kube::ClusterConfig config = kube::load_cluster_config(sources);
  EPP_LOG(log, kInfo, "Cluster", {"server", config.server.host + ":" + config.server.port},
          {"configuration", config.origin_text});
  for (const std::string& note : config.notes)
    EPP_LOG(log, kInfo, "WARNING: " + note);
  return config;
}

kube::ClientOptions client_options(const config::Options& options) {
  kube::ClientOptions client;
  client.requests_per_second = options.kube_api_qps;
  client.burst = static_cast<unsigned>(options.kube_api_burst);
  client.dead_peer_timeout = in_milliseconds(options.kube_dead_peer_timeout);
  client.user_agent = "epp-host/" EPP_VERSION;
  return client;
}

discovery::KubernetesDiscoveryOptions discovery_options(const config::Options& options, const PoolIdentity& identity) {
  discovery::KubernetesDiscoveryOptions discovery;
  discovery.name_space = options.pool_namespace;
  discovery.pool_group = options.pool_group;
  discovery.idle_timeout = in_milliseconds(options.kube_watch_idle_timeout);
  if (identity.origin == EndpointOrigin::kPool) {
    discovery.pool_name = identity.name;
  } else {
    discovery.selector = identity.selector;
    discovery.target_ports = options.endpoint_target_ports;
  }
  return discovery;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

kube::ElectionOptions election_options(const config::Options& options, const PoolIdentity& identity) {
  kube::ElectionOptions election;
  election.name_space = options.pool_namespace;
  election.lease_name = "epp-" + options.pool_namespace + "-" + identity.name + ".llm-d.ai";
  election.identity = host_name() + "_" + lifecycle::random_uuid();
  election.lease_duration = in_milliseconds(options.lease_duration);
  election.renew_deadline = in_milliseconds(options.renew_deadline);
  election.retry_period = in_milliseconds(options.retry_period);
  election.rejoin = !options.exit_on_lost_lease;
  return election;
}

}  // namespace

Cluster::Cluster(const config::Options& options, const PoolIdentity& identity, ClusterParts parts)
    : log_(parts.log),
      metrics_(parts.registry),
      observer_(
          parts.metrics, metrics_, log_,
          options.exit_on_lost_lease ? std::move(parts.on_lead_lost) : [](std::string_view) {}),
      client_(parts.pool, configuration(options, log_), client_options(options)),
      discovery_(client_, parts.pool, parts.table, parts.objectives, parts.rewrites,
                 discovery_options(options, identity), &observer_) {
  gauges_.push_back(metrics_.suspended(identity.name, [&table = parts.table] { return table.suspended(); }));
  if (options.leader_election) {
    election_ = election_options(options, identity);
    elector_ = std::make_unique<kube::LeaseElector>(client_, parts.pool, election_, observer_);
    gauges_.push_back(metrics_.leader(identity.name, [this] { return elector_->leading(); }));
  }
  if (options.metrics_endpoint_auth) {
    review_client_ = std::make_unique<kube::Client>(parts.pool, client_.config(), client_options(options));
    kube::ReviewerOptions review;
    review.on_call = [this](std::string_view why) { observer_.on_review(why); };
    reviewer_ = std::make_unique<kube::AccessReviewer>(*review_client_, parts.pool, std::move(review));
  }
}

Cluster::~Cluster() {
  gauges_.clear();
}

void Cluster::start() {
  discovery_.start();
  if (elector_ == nullptr) return;
  EPP_LOG(log_, kInfo, "Taking part in the election", {"lease", election_.lease_name},
          {"identity", election_.identity});
  elector_->start();
}

void Cluster::release_lease(std::chrono::milliseconds limit) {
  if (elector_ != nullptr) elector_->release(limit);
}

std::optional<bool> Cluster::leader() const {
  if (elector_ == nullptr) return std::nullopt;
  return elector_->leading();
}

std::string Cluster::state_json() const {
  std::string out = "{\"discovery\":" + discovery_.state_json() + ",\"election\":";
  if (elector_ == nullptr) return out + "null}";
  out += "{\"lease\":";
  telemetry::append_json_string(out, election_.name_space + "/" + election_.lease_name);
  out += ",\"identity\":";
  telemetry::append_json_string(out, election_.identity);
  out += ",\"leading\":";
  out += elector_->leading() ? "true" : "false";
  return out + "}}";
}

}  // namespace epp::app
