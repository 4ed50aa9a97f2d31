#pragma once

#include "support/certificates.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace epp::testing {

// An accepted connection. Blocking; used by one thread but for close().
class ByteStream {
 public:
  // Takes the socket; `tls` may be null.
  ByteStream(int fd, SSL_CTX* tls);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // What has come; empty at the end of the connection.
  std::string read();
  // False when the peer is gone.
  bool write(std::string_view bytes);
  // Wakes up who reads or writes; nothing works afterwards, and TLS does not say goodbye. [any-thread]
  void close();
  // Whether the peer has ended the connection, or sent something that nobody reads yet; does not wait.
  bool stirred() const;

 private:
  bool handshake();

  int fd_;
  SSL* ssl_ = nullptr;
  bool shaken_ = false;
};

// Listens on 127.0.0.1; every connection gets a thread, which ends with the handler.
class ByteServer {
 public:
  using Handler = std::function<void(ByteStream&)>;

  ByteServer(const std::optional<KeyPair>& tls, Handler handler);
  ~ByteServer();  // closes every connection and waits for the handlers
  ByteServer(const ByteServer&) = delete;
  ByteServer& operator=(const ByteServer&) = delete;

  std::uint16_t port() const { return port_; }
  // Closes every connection that is open now.
  void close_all();

 private:
  struct Connection {
    std::unique_ptr<ByteStream> stream;
    std::thread thread;
    std::atomic<bool> over{false};
  };

  void accept_all();
  void reap();

  const Handler handler_;
  std::shared_ptr<SSL_CTX> tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::list<Connection> connections_;
  std::thread acceptor_;
};

}  // namespace epp::testing
