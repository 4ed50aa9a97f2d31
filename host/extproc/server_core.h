// Internal to the room: what the calls of one server share.
#pragma once

#include "extproc/pollers.h"
#include "extproc/server.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

namespace epp::extproc {

struct Server::Core {
  ServerRoutes routes;
  grpc::AsyncGenericService service;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  std::shared_ptr<grpc::ServerCredentials> credentials;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  Pollers pollers;

  mutable std::mutex mutex;
  std::condition_variable idle;
  std::size_t calls = 0;  // all Call objects, those that wait to be accepted included
  std::size_t open = 0;   // accepted and not yet over
  bool stopped = false;

  void call_made();
  void call_opened();
  void call_gone(bool was_open);
};

/// Waits for the next call on `queue` and replaces itself when one came.
void accept_call(Server::Core& core, grpc::ServerCompletionQueue& queue);

}  // namespace epp::extproc
