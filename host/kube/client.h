// Requests to the API server: credentials, pacing and one way to say what went wrong.
#pragma once

#include "kube/cluster_config.h"
#include "net/http_client.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epp::net {
class IoPool;
}

namespace epp::kube {

struct ClientOptions {
  // Shared by every request of this client, watches included; a request beyond them waits its turn.
  double requests_per_second = 50;
  unsigned burst = 100;
  // A peer that acknowledges nothing for this long is gone (TCP keep-alive and user timeout); 0: the system's defaults.
  std::chrono::milliseconds dead_peer_timeout{30'000};
  // Of a new connection, TLS handshake included. Short, because a packet that is lost meanwhile is repeated ever later.
  std::chrono::milliseconds connect_timeout{5'000};
  // How old a token read from a file may be.
  std::chrono::milliseconds token_max_age{50'000};
  // What a request may be told to wait by Retry-After (429, 503), and how often one call heeds it.
  std::chrono::milliseconds max_retry_after{30'000};
  unsigned max_retries = 10;
  std::string user_agent = "epp-host";
};

struct ApiRequest {
  std::string method = "GET";
  std::string path;   // from the root: "/api/v1/namespaces/ns/pods", already escaped
  std::string query;  // without '?', already escaped (net::escape_query)
  std::string body;   // JSON
  std::string content_type = "application/json";
  std::chrono::milliseconds timeout{10'000};  // of one attempt; 0: none
  // From send() to the callback, with the waits for our rate and for Retry-After; 0: none. A wait that would go beyond
  // is not begun.
  std::chrono::milliseconds total_timeout{0};
  std::size_t max_body_bytes = 8u << 20;

  // Streaming, for lists and watches: body pieces of a 2xx answer as they come; return false to abort (kCancelled).
  // Other answers arrive in ApiResult.
  std::function<bool(std::string_view piece)> on_data;
  std::function<void()> on_open;              // with on_data: a 2xx answer has begun
  std::chrono::milliseconds idle_timeout{0};  // longest silence while the answer is read; 0: none
  std::chrono::milliseconds head_timeout{0};  // longest wait for its head; 0: idle_timeout
};

struct ApiResult {
  std::string what;  // "GET /api/v1/namespaces/ns/pods"
  net::NetError error = net::NetError::kNone;
  std::string message;  // of the transport; empty when an answer came
  unsigned status = 0;  // 0 when no answer came
  std::string body;     // of an answer that is no 2xx to a streaming request, the first 64 KiB
  std::string reason;   // of a metav1.Status body: "NotFound", "Conflict", "Expired", ...; empty for others
  std::string text;     // of a metav1.Status body: its message

  [[nodiscard]] bool ok() const { return error == net::NetError::kNone && status >= 200 && status < 300; }
  // One line for people, without credentials: `GET /api/v1/...: 403 Forbidden: pods is forbidden: ...`.
  [[nodiscard]] std::string describe() const;
};

// A request in flight. Dropping the handle does not cancel the call.
class ApiCall {
 public:
  ApiCall() = default;
  // [any-thread] The callback follows with kCancelled, unless it has already run. Idempotent.
  void cancel();

  struct State;
  explicit ApiCall(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

// [any-thread] 401 drops a token that came from a file and repeats the request once with a fresh one. A certificate or
// CA file that has changed is taken up by the next connection.
class Client {
 public:
  using Callback = std::function<void(ApiResult)>;

  // Throws ConfigError when the credentials' files are unusable.
  Client(net::IoPool& pool, ClusterConfig config, ClientOptions options = {});
  // Cancels what is in flight; those callbacks still come, possibly after this returned.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `callback` runs exactly once, on a pool thread, never inside send().
  ApiCall send(ApiRequest request, Callback callback);

  [[nodiscard]] const ClusterConfig& config() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace epp::kube
