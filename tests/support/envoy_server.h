#pragma once

#include "support/files.h"
#include "support/process.h"

#include <cstdint>
#include <string>

namespace epp::testing {

struct EnvoyOptions {
  std::uint16_t ext_proc_port = 0;
  std::uint16_t port = 0;  // For clients; 0: any free one.
  bool tls = false;        // Towards the EPP.
};

// configs/envoy/standalone.yaml with these ports in place of its own.
std::string envoy_bootstrap(const EnvoyOptions& options, std::uint16_t admin_port);

// A real Envoy that runs the standalone bootstrap and accepts clients.
class EnvoyServer {
 public:
  explicit EnvoyServer(EnvoyOptions options);

  std::uint16_t port() const { return options_.port; }
  std::uint16_t admin_port() const { return admin_port_; }
  Process& process() { return process_; }

 private:
  TempDir directory_;
  EnvoyOptions options_;
  std::uint16_t admin_port_;
  Process process_;
};

}  // namespace epp::testing
