#include "extproc/tls_credentials.h"

#include <cstdint>
#include <string>
#include <utility>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

namespace epp::extproc {
namespace {

// gRPC 1.51 can replace a certificate in memory only through its C API, which asks a callback before each handshake.
class WatchedCredentials final : public grpc::ServerCredentials {
 public:
  explicit WatchedCredentials(std::shared_ptr<const TlsIdentity> identity) : identity_(std::move(identity)) {
    credentials_ =
        grpc_ssl_server_credentials_create_with_options(grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, &WatchedCredentials::fetch, this));
  }
  ~WatchedCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Serialised by gRPC per credentials object.
  static grpc_ssl_certificate_config_reload_status fetch(void* self, grpc_ssl_server_certificate_config** config) {
    auto& credentials = *static_cast<WatchedCredentials*>(self);
    const TlsIdentity::Current current = credentials.identity_->current();
    if (current.generation == credentials.served_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair{current.pair->private_key.c_str(), current.pair->certificate_chain.c_str()};
    // No client certificate is asked for, yet gRPC insists on roots to check one with: any certificate will do.
    *config = grpc_ssl_server_certificate_config_create(current.pair->certificate_chain.c_str(), &pair, 1);
    credentials.served_ = current.generation;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const std::shared_ptr<const TlsIdentity> identity_;
  std::uint64_t served_ = 0;
  grpc_server_credentials* credentials_ = nullptr;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> make_tls_credentials(std::shared_ptr<const TlsIdentity> identity) {
  return std::make_shared<WatchedCredentials>(std::move(identity));
}

}  // namespace epp::extproc
