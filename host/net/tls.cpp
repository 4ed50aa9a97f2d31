#include "net/tls.h"

#include "net/tls_impl.h"

#include <stdexcept>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <openssl/ssl.h>

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

}  // namespace

TlsClientContext::TlsClientContext(TlsClientOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  const TlsClientOptions& given = impl_->options;
  SslContext& context = impl_->context;
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

  if (given.cert_file.empty() != given.key_file.empty() || given.cert_pem.empty() != given.key_pem.empty()) {
    throw std::runtime_error("a client certificate needs both the certificate and the key");
  }
  if (!given.cert_pem.empty()) {
    context.use_certificate_chain(asio::buffer(given.cert_pem), error);
    require(error, "client certificate");
    context.use_private_key(asio::buffer(given.key_pem), SslContext::pem, error);
    require(error, "client key");
  } else if (!given.cert_file.empty()) {
    context.use_certificate_chain_file(given.cert_file, error);
    require(error, "client certificate " + given.cert_file);
    context.use_private_key_file(given.key_file, SslContext::pem, error);
    require(error, "client key " + given.key_file);
  }
}

TlsClientContext::~TlsClientContext() = default;

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
