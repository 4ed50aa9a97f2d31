#pragma once

#include "support/envoy_server.h"
#include "support/epp_server.h"
#include "support/kube_api.h"
#include "support/kube_server.h"
#include "support/model_sim.h"
#include "support/wait.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace epp::demo {

enum class PodState : std::uint8_t { kReady, kUnready, kDraining, kDeleted };
const char* text(PodState state);

// A pod as the API server knows it, and the model server that stands for its container.
struct Pod {
  std::string name;
  std::string ip;
  PodState state = PodState::kReady;
  // When the API server had confirmed that the pod gets no more requests; nothing while it may.
  std::optional<testing::Clock::time_point> gone_since = {};
  std::unique_ptr<testing::ModelSim> sim;  // none once it has ended
};

// A real API server with a pool and its pods, the EPP that follows it, and Envoy in front. There is neither kubelet nor
// controller: what those would do, this does.
class PodCluster {
 public:
  // `client_port` 0: any free one. Throws std::runtime_error if something is missing or does not start.
  explicit PodCluster(std::uint16_t client_port);

  // One more pod, ready.
  Pod& create();
  void set_ready(Pod& pod, bool ready);
  // Deletes the pod with a grace period: it is still there and still answers.
  void drain(Pod& pod);
  // Deletes it at once; its server stays for the requests under way.
  void remove(Pod& pod);
  // Ends its server, and takes the pod out of the list.
  void end(Pod& pod);

  std::vector<std::unique_ptr<Pod>>& pods() { return pods_; }
  const testing::KubeNamespace& objects() const { return objects_; }
  testing::EppServer& epp() { return *epp_; }
  std::uint16_t client_port() const { return envoy_->port(); }

  // Requests that the EPP has counted: with the objective's priority, for kNextModel, and still for kModel.
  double prioritised() const;
  double rewritten() const;
  double as_asked() const;

  // Empty while all processes run; otherwise which one has ended and what it said last.
  std::string broken();

  // Ends everything in the order of the request path.
  void stop();

 private:
  struct Prerequisites {
    Prerequisites();  // Throws if one is missing, before anything is started.
  };

  [[no_unique_address]] Prerequisites prerequisites_;
  testing::KubeServer server_;
  testing::KubeNamespace objects_;
  std::uint16_t model_port_;
  int created_ = 0;
  std::vector<std::unique_ptr<Pod>> pods_;
  std::unique_ptr<testing::EppServer> epp_;
  std::unique_ptr<testing::EnvoyServer> envoy_;
};

// What the rewrite of the demo makes of requests for kModel (cluster.h).
inline constexpr const char* kNextModel = "demo-model-v2";
// The objective that half of the clients name. It comes late.
inline constexpr const char* kChat = "chat";
inline constexpr int kChatPriority = 10;

}  // namespace epp::demo
