#include "extproc/server.h"

#include "extproc/grpc_tuning.h"
#include "extproc/server_core.h"
#include "extproc/tls_credentials.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <grpcpp/server_builder.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::extproc {
namespace {

// Calls that are waited for on each queue. A stream that finds none on its connection's queue gets one of another
// queue, and from then on both queues' threads poll the connection and are in each other's way.
constexpr unsigned kWaitingStreams = 128;
constexpr unsigned kWaitingUnaryCalls = 8;
// More would wake each other. One that a call keeps for long gets a relief.
constexpr unsigned kThreadsPerQueue = 1;

std::string listen_address(const ServerOptions& options) {
  const std::string host = options.address.empty() ? "::" : options.address;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(options.port);
}

// gRPC does not tell why it cannot listen; the same attempt on a plain socket does.
std::string why_not(const ServerOptions& options) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(options.port);
  const char* host = options.address.empty() ? nullptr : options.address.c_str();
  if (const int error = getaddrinfo(host, port.c_str(), &hints, &found); error != 0) return gai_strerror(error);
  std::string reason;
  for (const addrinfo* entry = found; entry != nullptr && reason.empty(); entry = entry->ai_next) {
    const int fd = socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, entry->ai_addr, entry->ai_addrlen) != 0 || listen(fd, 1) != 0) reason = std::strerror(errno);
    close(fd);
  }
  freeaddrinfo(found);
  return reason;
}

}  // namespace

void Server::Core::call_made() {
  const std::lock_guard lock(mutex);
  ++calls;
}

void Server::Core::call_opened() {
  const std::lock_guard lock(mutex);
  ++open;
}

void Server::Core::call_gone(bool was_open) {
  const std::lock_guard lock(mutex);
  if (was_open) --open;
  if (--calls == 0) idle.notify_all();
}

std::unique_ptr<Server> Server::start(const ServerOptions& options, const ServerRoutes& routes, std::string& error) {
  tune_grpc();
  auto core = std::make_unique<Core>();
  core->routes = routes;
  core->credentials = options.tls ? make_tls_credentials(options.tls) : grpc::InsecureServerCredentials();

  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, options.reuse_port ? 1 : 0);
  if (options.max_receive_bytes > 0)
    builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<std::int64_t>(options.max_receive_bytes, INT32_MAX)));
  if (options.max_send_bytes > 0)
    builder.SetMaxSendMessageSize(static_cast<int>(std::min<std::int64_t>(options.max_send_bytes, INT32_MAX)));
  builder.AddListeningPort(listen_address(options), core->credentials, &core->port);
  builder.RegisterAsyncGenericService(&core->service);
  const unsigned queues = std::max(1u, (options.threads + kThreadsPerQueue - 1) / kThreadsPerQueue);
  const unsigned waiting = routes.process != nullptr ? kWaitingStreams : kWaitingUnaryCalls;
  for (unsigned i = 0; i < queues; ++i)
    core->queues.push_back(builder.AddCompletionQueue());
  core->server = builder.BuildAndStart();
  if (!core->server || core->port == 0) {
    const std::string reason = why_not(options);
    error = "cannot listen on port " + std::to_string(options.port) + " (" + listen_address(options) +
            "): " + (reason.empty() ? "gRPC refused it" : reason);
    return nullptr;
  }
  for (auto& queue : core->queues) {
    for (unsigned i = 0; i < waiting; ++i)
      accept_call(*core, *queue);
    for (unsigned i = 0; i < kThreadsPerQueue; ++i)
      core->pollers.add(*queue);
  }
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

Server::Server(std::unique_ptr<Core> core) : core_(std::move(core)) {}

Server::~Server() {
  shutdown(std::chrono::nanoseconds(0));
}

std::uint16_t Server::port() const {
  return static_cast<std::uint16_t>(core_->port);
}

std::size_t Server::open_calls() const {
  const std::lock_guard lock(core_->mutex);
  return core_->open;
}

bool Server::relieve(std::int32_t thread_id) {
  return core_->pollers.relieve(thread_id);
}

void Server::dismiss(std::int32_t thread_id) {
  core_->pollers.dismiss(thread_id);
}

std::size_t Server::reliefs() const {
  return core_->pollers.reliefs();
}

void Server::shutdown(std::chrono::nanoseconds grace) {
  {
    const std::lock_guard lock(core_->mutex);
    if (std::exchange(core_->stopped, true)) return;
  }
  core_->server->Shutdown(std::chrono::system_clock::now() + grace);
  {
    // Cancelled calls, and those that wait for a client, still have events to come: their queues must outlive them.
    std::unique_lock lock(core_->mutex);
    core_->idle.wait(lock, [&] { return core_->calls == 0; });
  }
  core_->pollers.freeze();
  for (auto& queue : core_->queues)
    queue->Shutdown();
  core_->pollers.join();
  core_->server.reset();
}

}  // namespace epp::extproc
