#pragma once

#include "support/envoy_server.h"
#include "support/epp_server.h"
#include "support/model_sim.h"

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

// Four model servers of different speed, the EPP that knows them, and Envoy in front.
class Cluster {
 public:
  // `client_port` 0: any free one. Throws std::runtime_error if something is missing or does not start.
  explicit Cluster(std::uint16_t client_port);

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
  std::vector<Endpoint> endpoints_;
  std::map<std::string, double> weights_;
  std::unique_ptr<testing::EppServer> epp_;
  std::unique_ptr<testing::EnvoyServer> envoy_;
};

inline constexpr const char* kModel = "demo-model";

}  // namespace epp::demo
