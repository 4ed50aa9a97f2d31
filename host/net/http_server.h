// A small HTTP/1.1 server for metrics, admin and tests. Whole requests in, whole responses out.
#pragma once

#include "net/http_message.h"
#include "net/tls.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epp::net {

class IoPool;

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // IP literal; "" or "::" is every interface
  std::uint16_t port = 0;             // 0: chosen by the system, see HttpServer::port
  std::optional<TlsServerOptions> tls;

  std::size_t max_header_bytes = 16u << 10;          // 431 beyond
  std::size_t max_body_bytes = 1u << 20;             // 413 beyond
  std::size_t max_connections = 1024;                // further ones are closed at once
  std::chrono::milliseconds idle_timeout{60'000};    // between requests
  std::chrono::milliseconds header_timeout{10'000};  // first byte of a request to the end of its headers; TLS handshake
  std::chrono::milliseconds body_timeout{30'000};    // the whole body
  std::chrono::milliseconds write_timeout{30'000};   // the whole response
};

// One request and the place of its answer. May be kept and answered later from any thread.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  [[nodiscard]] virtual const HttpRequest& request() const = 0;
  // The peer's IP address.
  [[nodiscard]] virtual std::string_view peer() const = 0;
  // [any-thread] Answers; the first call wins. An exchange that is dropped unanswered is answered with 500.
  virtual void respond(HttpResponse response) = 0;
};

class HttpServer {
 public:
  // Runs on a pool thread; an exception becomes 500.
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  HttpServer(IoPool& pool, HttpServerOptions options);
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before start(). An exact path, or a prefix when it ends in '/'; the longest match wins; methods are the handler's
  // business. No match: 404.
  void route(std::string path, Handler handler);

  // Binds and accepts. Throws std::runtime_error when the address or the certificate cannot be used.
  void start();
  // The bound port, after start().
  [[nodiscard]] std::uint16_t port() const;
  // Accepted connections open right now.
  [[nodiscard]] std::size_t connections() const;

  // [any thread but the pool's own] Stops accepting, closes idle connections, gives exchanges in progress up to `grace`
  // to be answered, then closes all. No handler runs after the return. Idempotent.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace epp::net
