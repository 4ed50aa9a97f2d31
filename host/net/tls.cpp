#include "net/tls.h"

#include "net/tls_impl.h"

#include <array>
#include <stdexcept>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <openssl/ssl.h>
#include <sys/stat.h>

namespace epp::net {
namespace {

using SslContext = asio::ssl::context;

void require(const ErrorCode& error, const std::string& what) {
  if (error) throw std::runtime_error(what + ": " + error.message());
}

void restrict_protocol(SslContext& context) {
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
}

std::shared_ptr<SslContext> make_server_context(const TlsServerOptions& options) {
  auto context = std::make_shared<SslContext>(SslContext::tls_server);
  restrict_protocol(*context);
  ErrorCode error;
  context->use_certificate_chain_file(options.cert_file, error);
  require(error, "certificate " + options.cert_file);
  context->use_private_key_file(options.key_file, SslContext::pem, error);
  require(error, "private key " + options.key_file);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    throw std::runtime_error("private key " + options.key_file + " does not belong to " + options.cert_file);
  }
  if (!options.client_ca_file.empty()) {
    context->load_verify_file(options.client_ca_file, error);
    require(error, "client CA " + options.client_ca_file);
    context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  }
  return context;
}

std::shared_ptr<SslContext> make_client_context(const TlsClientOptions& given) {
  auto made = std::make_shared<SslContext>(SslContext::tls_client);
  SslContext& context = *made;
  restrict_protocol(context);
  ErrorCode error;
  if (!given.ca_pem.empty()) {
    context.add_certificate_authority(asio::buffer(given.ca_pem), error);
    require(error, "CA certificate");
  } else if (!given.ca_file.empty()) {
    context.load_verify_file(given.ca_file, error);
    require(error, "CA certificate " + given.ca_file);
  } else {
    context.set_default_verify_paths(error);
    require(error, "system trust store");
  }
  context.set_verify_mode(given.insecure_skip_verify ? asio::ssl::verify_none : asio::ssl::verify_peer);

  const bool has_certificate = !given.cert_pem.empty() || !given.cert_file.empty();
  const bool has_key = !given.key_pem.empty() || !given.key_file.empty();
  if (has_certificate != has_key) {
    throw std::runtime_error("a client certificate needs both the certificate and the key");
  }
  if (!has_certificate) return made;
  if (!given.cert_pem.empty()) {
    context.use_certificate_chain(asio::buffer(given.cert_pem), error);
    require(error, "client certificate");
  } else {
    context.use_certificate_chain_file(given.cert_file, error);
    require(error, "client certificate " + given.cert_file);
  }
  if (!given.key_pem.empty()) {
    context.use_private_key(asio::buffer(given.key_pem), SslContext::pem, error);
    require(error, "client key");
  } else {
    context.use_private_key_file(given.key_file, SslContext::pem, error);
    require(error, "client key " + given.key_file);
  }
  return made;
}

}  // namespace

TlsClientContext::TlsClientContext(TlsClientOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  impl_->stamps = impl_->look();
  impl_->context = make_client_context(impl_->options);
}

TlsClientContext::~TlsClientContext() = default;

TlsClientContext::Impl::Stamps TlsClientContext::Impl::look() const {
  Stamps seen{};
  const std::array files{&options.ca_file, &options.cert_file, &options.key_file};
  for (std::size_t i = 0; i < files.size(); ++i) {
    struct stat status {};
    if (files[i]->empty() || ::stat(files[i]->c_str(), &status) != 0) continue;
    seen[i] = {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
               static_cast<std::int64_t>(status.st_size),
               static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
  }
  return seen;
}

std::shared_ptr<SslContext> TlsClientContext::Impl::current() {
  std::lock_guard lock(mutex);
  if (options.ca_file.empty() && options.cert_file.empty()) return context;
  const Stamps seen = look();
  if (seen == stamps) return context;
  try {
    context = make_client_context(options);
    stamps = seen;
  } catch (const std::exception&) {
    // Half of a change, or a broken one: the next connection looks again.
  }
  return context;
}

std::string TlsServerContext::Impl::reload() {
  std::string text;
  try {
    auto fresh = make_server_context(options);
    std::lock_guard lock(mutex);
    context = std::move(fresh);
  } catch (const std::exception& fault) {
    text = fault.what();
  }
  if (options.on_reload) options.on_reload(text);
  return text;
}

TlsServerContext::TlsServerContext(IoPool& pool, TlsServerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  impl_->context = make_server_context(impl_->options);
  const auto watch = [&](const std::string& file) -> std::unique_ptr<FileWatcher> {
    if (file.empty()) return nullptr;
    // A certificate and its key are two files: until the second has followed, the reload fails and the old pair stays.
    return std::make_unique<FileWatcher>(pool, file, [impl = impl_.get()](FileEvent) { impl->reload(); });
  };
  impl_->cert_watch = watch(impl_->options.cert_file);
  impl_->key_watch = watch(impl_->options.key_file);
  impl_->ca_watch = watch(impl_->options.client_ca_file);
}

TlsServerContext::~TlsServerContext() = default;

std::string TlsServerContext::reload() {
  return impl_->reload();
}

}  // namespace epp::net
