#include "app/serving_certificate.h"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace epp::app {
namespace {

constexpr std::chrono::milliseconds kReloadDebounce{250};

}  // namespace

ServingCertificate::ServingCertificate(net::IoPool& pool, const config::Options& options,
                                       const telemetry::Logger& log) {
  std::string error = extproc::refuse_tls_settings(options.tls_min_version, options.tls_cipher_suites);
  if (!error.empty()) throw std::runtime_error(error);
  if (options.cert_path.empty()) {
    identity_ = std::make_shared<extproc::TlsIdentity>(extproc::make_self_signed(extproc::local_names()));
    return;
  }
  auto pair = extproc::read_pair(options.cert_path, error);
  if (!pair) throw std::runtime_error("failed to create self signed certificate - " + error);
  identity_ = std::make_shared<extproc::TlsIdentity>(std::move(*pair));
  if (!options.enable_cert_reload) return;
  // Both files are watched: a pair is often replaced one file at a time, and only the second change makes it whole.
  const auto reload = [directory = options.cert_path, identity = identity_, log](net::FileEvent) {
    reload_pair(directory, *identity, log);
  };
  const net::FileWatcherOptions watch{.debounce = kReloadDebounce};
  certificate_watcher_ = std::make_unique<net::FileWatcher>(pool, options.cert_path + "/tls.crt", reload, watch);
  key_watcher_ = std::make_unique<net::FileWatcher>(pool, options.cert_path + "/tls.key", reload, watch);
}

}  // namespace epp::app
