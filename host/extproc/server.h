// A gRPC server port: the ext-proc stream, unary services beside it, or only the latter (the health port).
//
// It works on raw messages over completion queues that its own threads poll. A thread that a plugin's call keeps for
// long gets a relief, so that such a call does not take the streams of its queue with it.
#pragma once

#include "extproc/rpc.h"
#include "lifecycle/services.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::extproc {

class TlsIdentity;

struct ServerOptions {
  std::string address;     ///< IP literal without brackets; empty: every address, dual stack
  std::uint16_t port = 0;  ///< 0: any free one
  bool reuse_port = false;
  std::shared_ptr<const TlsIdentity> tls;  ///< null: plaintext
  unsigned threads = 2;                    ///< polling threads, at least one each queue
  std::int64_t max_receive_bytes = 0;      ///< of one message; 0: gRPC's default, 4 MiB
  std::int64_t max_send_bytes = 0;         ///< 0: unlimited
};

struct ServerRoutes {
  const lifecycle::Services* process = nullptr;  ///< null: the ext-proc method is not served
  std::vector<UnaryService*> unary;              ///< asked in order
};

class Server {
 public:
  /// Listens and serves; null with a sentence in `error`, e.g. when the port is taken. What `routes` refers to outlives
  /// the server.
  static std::unique_ptr<Server> start(const ServerOptions& options, const ServerRoutes& routes, std::string& error);

  /// Like shutdown(0).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::size_t open_calls() const;

  /// The thread of this kernel id is kept by a long call, or is back: see pollers.h. Nothing when it polls for somebody
  /// else. [any thread]
  bool relieve(std::int32_t thread_id);
  void dismiss(std::int32_t thread_id);
  std::size_t reliefs() const;

  /// Takes no new streams, lets open ones end for at most `grace`, then cancels them; returns when all are over and the
  /// threads are gone. Idempotent.
  void shutdown(std::chrono::nanoseconds grace);

  struct Core;

 private:
  explicit Server(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace epp::extproc
