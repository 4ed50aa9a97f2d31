#pragma once

#include "support/process.h"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace epp::testing {

struct ModelSimOptions {
  std::string model = "demo";
  std::string name = {};                    // Of its x-sim-endpoint header; empty: its address.
  std::uint16_t port = 0;                   // 0: any free one.
  std::vector<std::string> arguments = {};  // Further flags of model-sim.
};

// A running model-sim that accepts connections.
class ModelSim {
 public:
  explicit ModelSim(const ModelSimOptions& options = {});

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  Process& process() { return process_; }

  // POST /sim/control; throws std::runtime_error if the body is refused.
  void control(const std::string& json) const;

  // GET /sim/stats, and how many inference requests it counts.
  nlohmann::json stats() const;
  std::uint64_t requests() const;

 private:
  Process process_;
  std::uint16_t port_;
};

}  // namespace epp::testing
