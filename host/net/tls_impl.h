// Internal to net/*.cpp: OpenSSL behind tls.h.
#pragma once

#include "net/asio.h"
#include "net/file_watcher.h"
#include "net/tls.h"

#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/ssl/context.hpp>

namespace epp::net {

struct TlsClientContext::Impl {
  TlsClientOptions options;
  asio::ssl::context context{asio::ssl::context::tls_client};
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
