// The certificate of the ext-proc port: self-signed, or files that may be replaced while we serve.
#pragma once

#include "config/options.h"
#include "extproc/tls.h"
#include "net/file_watcher.h"
#include "net/io_pool.h"
#include "telemetry/log.h"

#include <memory>

namespace epp::app {

class ServingCertificate {
 public:
  // Throws std::runtime_error.
  ServingCertificate(net::IoPool& pool, const config::Options& options, const telemetry::Logger& log);

  const std::shared_ptr<extproc::TlsIdentity>& identity() const { return identity_; }

 private:
  std::shared_ptr<extproc::TlsIdentity> identity_;
  std::unique_ptr<net::FileWatcher> certificate_watcher_;
  std::unique_ptr<net::FileWatcher> key_watcher_;
};

}  // namespace epp::app
