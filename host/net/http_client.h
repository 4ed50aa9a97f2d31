// An HTTP/1.1 client with keep-alive connections, for scraping, Kubernetes and plugins.
#pragma once

#include "net/http_message.h"
#include "net/tls.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epp::net {

class IoPool;

// Where a request goes. Connections are kept and reused per origin.
struct Origin {
  bool tls = false;
  std::string host;  // name or IP literal, without brackets
  std::string port;  // decimal
  bool operator==(const Origin&) const = default;
};

struct HttpResult {
  NetError error = NetError::kNone;
  std::string message;    // for people; empty on success
  HttpResponse response;  // complete when error is kNone; any status counts as success here

  [[nodiscard]] bool ok() const { return error == NetError::kNone; }
};

struct HttpCallOptions {
  // From send() to the last body byte, over redirects and retries; 0 means no limit.
  std::chrono::milliseconds timeout{10'000};
  // Of a new connection: name resolution, connect and TLS handshake; 0 means no limit of its own.
  std::chrono::milliseconds connect_timeout{0};
  // With on_data. Longest silence while a response is read, for watches, and longest wait for its head; 0 means no
  // limit of its own (for the head: idle_timeout).
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds head_timeout{0};
  // Response body bytes (not counted for a streamed one).
  std::size_t max_body_bytes = 8u << 20;
  // 301, 302, 303, 307 and 308 followed, GET and HEAD only.
  unsigned max_redirects = 0;
  // Its capacity is used for the response body: give the previous result's body back and steady polling does not
  // allocate.
  std::string body_buffer;

  // Streaming: when set, body pieces go here as they arrive instead of into the result. Return false to abort the call
  // (it completes with kCancelled). The next piece is read after the return.
  std::function<bool(std::string_view piece)> on_data;
  // With on_data: status and headers before the first piece (not called for a redirect that is followed). Return false
  // to abort.
  std::function<bool(const HttpResponse& head)> on_head;
};

struct HttpClientOptions {
  std::optional<TlsClientOptions> tls;  // needed only for origins with tls = true
  std::size_t max_idle_per_origin = 2;
  std::size_t max_idle_total = 5000;
  std::chrono::milliseconds idle_connection_timeout{10'000};
  // A peer that acknowledges nothing for this long is taken for gone, also while nothing is to be sent (TCP keep-alive
  // and user timeout; whole seconds, at least 2); 0: the system's defaults.
  std::chrono::milliseconds dead_peer_timeout{0};
  std::string user_agent = "epp-host";
};

// A call in flight. Dropping the handle does not cancel the call.
class HttpCall {
 public:
  HttpCall() = default;
  // [any-thread] The callback follows with kCancelled, unless the call had already completed. Idempotent.
  void cancel();

  struct State;
  explicit HttpCall(std::weak_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::weak_ptr<State> state_;
};

// [any-thread] No gzip is asked for; cookies and proxies are not known. A call on a kept connection that turns out to
// be closed is repeated once on a new one (idempotent methods only). Interim responses (1xx) are passed over.
class HttpClient {
 public:
  using Callback = std::function<void(HttpResult)>;

  // Throws std::runtime_error when the TLS files are unusable.
  HttpClient(IoPool& pool, HttpClientOptions options = {});
  // Cancels what is in flight; those callbacks still come (kCancelled), possibly after this returned.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `callback` runs exactly once, on a pool thread, never inside send(); the one exception is a pool that is stopped
  // first. Host, Content-Length and User-Agent are added where `request.headers` lacks them.
  HttpCall send(Origin origin, HttpRequest request, HttpCallOptions options, Callback callback);

  // Kept connections right now.
  [[nodiscard]] std::size_t idle_connections() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace epp::net
