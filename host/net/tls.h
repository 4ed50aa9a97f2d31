// TLS settings of clients and servers. Files are PEM.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace epp::net {

class IoPool;

struct TlsClientOptions {
  bool insecure_skip_verify = false;
  std::string ca_file;    // empty: the system's trust store
  std::string ca_pem;     // in place of ca_file
  std::string cert_file;  // client certificate; needs key_file
  std::string key_file;
  std::string cert_pem;     // in place of cert_file
  std::string key_pem;      // in place of key_file
  std::string server_name;  // name for SNI and verification; empty: the host of the request
};

struct TlsServerOptions {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  // non-empty: every client must present a certificate signed by this CA
  // Called on a pool thread after each reload attempt; `error` is empty on success. A bad pair keeps the old one.
  std::function<void(std::string_view error)> on_reload;
};

// A client's TLS state, shared by its connections. Its files are looked at for each new connection and read again when
// they have changed; what cannot be used then leaves the old state in place. The constructor throws std::runtime_error
// naming the file that cannot be used.
class TlsClientContext {
 public:
  explicit TlsClientContext(TlsClientOptions options);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// A server's certificate, read again when its files change (renames and ConfigMap or Secret symlink swaps included).
// Connections opened afterwards use the new one. The constructor throws std::runtime_error when the pair is unusable.
class TlsServerContext {
 public:
  TlsServerContext(IoPool& pool, TlsServerOptions options);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  // [any-thread] Reads the files now; returns the error text, empty on success.
  std::string reload();

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::net
