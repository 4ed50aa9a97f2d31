#pragma once

#include "support/envoy_server.h"
#include "support/epp_server.h"
#include "support/model_sim.h"
#include "support/pool_file.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace epp::demo {

// One model server of the demo.
struct Endpoint {
  std::string name;
  std::string speed;  // For people.
  std::unique_ptr<testing::ModelSim> sim;
};

// Where requests wait when there are more than the servers can run.
enum class Queueing { kInTheServers, kInTheEpp };

// Four model servers of different speed, the EPP that knows them, and Envoy in front.
class Cluster {
 public:
  // `client_port` 0: any free one. Throws std::runtime_error if something is missing or does not start.
  explicit Cluster(std::uint16_t client_port, Queueing queueing = Queueing::kInTheServers);

  std::vector<Endpoint>& endpoints() { return endpoints_; }
  const Endpoint* at(const std::string& address) const;
  const Endpoint* named(const std::string& name) const;
  testing::EppServer& epp() { return *epp_; }
  std::uint16_t client_port() const { return envoy_->port(); }

  // What each scorer counts for in the manifest.
  const std::map<std::string, double>& weights() const { return weights_; }

  // Empty while all processes run; otherwise which one has ended and what it said last.
  std::string broken();

  // Ends everything in the order of the request path.
  void stop();

 private:
  void write_pool() const;

  std::vector<Endpoint> endpoints_;
  std::map<std::string, double> weights_;
  testing::PoolFile pool_;
  std::unique_ptr<testing::EppServer> epp_;
  std::unique_ptr<testing::EnvoyServer> envoy_;
};

inline constexpr const char* kModel = "demo-model";
// The objectives of the pool with flow control. Interactive requests go before those of batch jobs.
inline constexpr const char* kInteractive = "interactive";
inline constexpr const char* kBatch = "batch";
inline constexpr int kInteractivePriority = 10;
inline constexpr int kBatchPriority = 0;

}  // namespace epp::demo
