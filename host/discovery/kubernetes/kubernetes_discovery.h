// The endpoints, objectives and rewrites of one pool, as the API server tells them.
//
//   pool mode:      InferencePool NAMESPACE/NAME -> its pods (selector), one endpoint per pod and active target port;
//                   InferenceObjectives and InferenceModelRewrites whose poolRef names it
//   selector mode:  a label selector and ports from the command line; pods alone are watched
//
// Endpoint identity is "namespace/<pod>-rank-<i>", i being the port's index in the pool. A pod that is not ready, is
// being deleted or has no address has no endpoint. While it only flaps (readiness, labels), its endpoints are suspended
// and keep slot, counters and learned state; a pod with another UID is a new one.
#pragma once

#include "kube/client.h"
#include "kube/label_selector.h"
#include "kube/reflector.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::endpoints {
class EndpointTable;
}
namespace epp::objectives {
class ObjectiveTable;
class RewriteTable;
}  // namespace epp::objectives

namespace epp::discovery {

// For logs and metrics. [pool threads, serialised per kind] Must neither block nor call the discovery.
class KubernetesObserver : public kube::ReflectorObserver {
 public:
  virtual void on_pool(std::string_view /*text*/) {}  // set, changed, deleted
  // At each complete list that begins a watch: the first, and when the selector changed.
  virtual void on_pods_synced(std::size_t /*pods*/, std::size_t /*endpoints*/) {}
  // After each change: how many name the pool.
  virtual void on_objectives(std::size_t /*count*/) {}
  virtual void on_rewrites(std::size_t /*count*/) {}
  // Every model name of the rules that are about to take effect, for labels that are not to be folded. May repeat.
  virtual void on_models(const std::vector<std::string>& /*models*/) {}
  // Something about one object that is wrong and yet no reason to skip it; each text once per object.
  virtual void on_warning(std::string_view /*object*/, std::string_view /*text*/) {}
};

struct KubernetesDiscoveryOptions {
  std::string name_space;
  std::string pool_name;   // pool mode
  std::string pool_group;  // what poolRef.group is compared to; x-k8s.io: its v1alpha2 pool is followed too
  std::optional<kube::LabelSelector> selector;  // selector mode
  std::vector<std::uint16_t> target_ports;      // selector mode: 1..8
  // How long a pod that left the watch without being deleted may come back to its learned state.
  std::chrono::milliseconds forget_after{60'000};
  std::chrono::milliseconds idle_timeout{60'000};  // of every watch, see kube::ReflectorOptions
};

class KubernetesDiscovery {
 public:
  // All outlive this.
  KubernetesDiscovery(kube::Client& client, net::IoPool& pool, endpoints::EndpointTable& table,
                      objectives::ObjectiveTable& objectives, objectives::RewriteTable& rewrites,
                      KubernetesDiscoveryOptions options, KubernetesObserver* observer);
  ~KubernetesDiscovery();  // stop()
  KubernetesDiscovery(const KubernetesDiscovery&) = delete;
  KubernetesDiscovery& operator=(const KubernetesDiscovery&) = delete;

  void start();
  void stop();

  // The pool is there and its pods were listed, of which there may be none. [any-thread]
  [[nodiscard]] bool synced() const;
  // Of the pool; empty when it has none or is not there. [any-thread]
  [[nodiscard]] std::string app_protocol() const;
  // {"mode","pool":{...},"pods":N,"endpoints":N,"suspended":N,"watches":{resource: {"synced","connected"}}}.
  // [any-thread]
  [[nodiscard]] std::string state_json() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace epp::discovery
