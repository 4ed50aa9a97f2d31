#pragma once

#include "sim/engine.h"
#include "sim/metrics_page.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace epp::sim {

struct ServerOptions {
  std::string address = "127.0.0.1";  // IPv4 literal.
  unsigned hosts = 1;                 // So many addresses from there on are listened to: one server as many pods.
  std::uint16_t port = 0;             // 0: any free one (then one host only).
  std::string name;                   // Of the x-sim-endpoint header; empty: the address and port that was asked.
  std::vector<std::string> models;    // Served base models.
  std::vector<std::string> loras;     // Served adapters, as model names.
  EngineKind kind = EngineKind::kVllm;
  EngineOptions engine;
  double fail_rate = 0;
};

// A model server that answers with made-up text, but queues, batches, caches and reports like a real one.
class Server {
 public:
  explicit Server(const ServerOptions& options);  // Listens; throws std::exception if a port is taken.
  ~Server();

  std::uint16_t port() const;

  // Serves until SIGINT or SIGTERM.
  void run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::sim
