#include "extproc/server.h"

#include "extproc/server_core.h"
#include "extproc/tls_credentials.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/synchronization/mutex.h>
#include <grpcpp/server_builder.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::extproc {
namespace {

// Calls that may be waited for on each queue: a burst is matched at once.
constexpr unsigned kWaitingAccepts = 8;

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

void poll(grpc::ServerCompletionQueue& queue) {
  void* event = nullptr;
  bool ok = false;
  while (queue.Next(&event, &ok))
    static_cast<Event*>(event)->proceed(ok);
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
  // Debian builds Abseil with its debugging aids: each of gRPC's mutexes would maintain a graph of the lock order.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

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
  const unsigned queues = std::max(1u, (options.threads + 1) / 2);
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
    for (unsigned i = 0; i < kWaitingAccepts; ++i)
      accept_call(*core, *queue);
    for (unsigned i = 0; i < 2; ++i)
      core->threads.emplace_back([&polled = *queue] { poll(polled); });
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
  for (auto& queue : core_->queues)
    queue->Shutdown();
  for (std::thread& thread : core_->threads)
    thread.join();
  core_->server.reset();
}

}  // namespace epp::extproc
