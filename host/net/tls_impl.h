// Internal to net/*.cpp: OpenSSL behind tls.h.
#pragma once

#include "net/asio.h"
#include "net/file_watcher.h"
#include "net/tls.h"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/ssl/context.hpp>

namespace epp::net {

struct TlsClientContext::Impl {
  // The context for a new connection. [any-thread]
  [[nodiscard]] std::shared_ptr<asio::ssl::context> current();

  // What tells one state of the files from another.
  using Stamp = std::array<std::int64_t, 4>;  // device, inode, size, mtime in ns
  using Stamps = std::array<Stamp, 3>;        // ca_file, cert_file, key_file
  [[nodiscard]] Stamps look() const;

  TlsClientOptions options;
  std::mutex mutex;  // guards the rest
  std::shared_ptr<asio::ssl::context> context;
  Stamps stamps{};
};

struct TlsServerContext::Impl {
  // The context for a new connection.
  [[nodiscard]] std::shared_ptr<asio::ssl::context> current() const {
    std::lock_guard lock(mutex);
    return context;
  }
  std::string reload();

  TlsServerOptions options;
  mutable std::mutex mutex;
  std::shared_ptr<asio::ssl::context> context;
  std::unique_ptr<FileWatcher> cert_watch;
  std::unique_ptr<FileWatcher> key_watch;
  std::unique_ptr<FileWatcher> ca_watch;
};

}  // namespace epp::net
