#pragma once

#include "support/process.h"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace epp::testing {

struct EppOptions {
  // Manifest, endpoints and further flags. Free ports, plaintext ext-proc, loopback and no metrics authentication are
  // set before them, so they may be overridden.
  std::vector<std::string> arguments = {};
  bool wait_until_serving = true;             // else the ports below are 0
  std::string service = {};                   // whose SERVING is waited for: a follower only says it for "liveness"
  std::vector<std::string> environment = {};  // "NAME=value", on top of this process's own
};

// A running build/bin/epp whose health service says SERVING.
class EppServer {
 public:
  explicit EppServer(const EppOptions& options);

  std::uint16_t grpc_port() const { return grpc_port_; }
  std::uint16_t health_port() const { return health_port_; }
  std::uint16_t metrics_port() const { return metrics_port_; }
  Process& process() { return process_; }

  // What grpc.health.v1 answers for `service`: "SERVING", "NOT_SERVING", ..., or the gRPC status of a failed call. Port
  // 0 is the health port.
  std::string health(const std::string& service, std::uint16_t port = 0) const;
  bool serving(const std::string& service = "") const;

  // GET /metrics, and the value of the first sample whose line starts with `series` (0 if there is none).
  std::string metrics() const;
  double metric(const std::string& series) const;

  // GET /debug/decisions: the array of decisions, newest first. The first call only starts the recording.
  nlohmann::json decisions() const;

 private:
  std::uint16_t grpc_port_ = 0;
  std::uint16_t health_port_ = 0;
  std::uint16_t metrics_port_ = 0;
  Process process_;
};

}  // namespace epp::testing
