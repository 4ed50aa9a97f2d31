#include "conformance/tls_probe.h"

#include "support/openssl_handle.h"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::conformance {
namespace {

using Context = testing::OpensslHandle<SSL_CTX, SSL_CTX_free>;
using Connection = testing::OpensslHandle<SSL, SSL_free>;

int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    throw std::runtime_error("nobody listens on port " + std::to_string(port));
  }
  return fd;
}

void describe(SSL* connection, Handshake& handshake) {
  handshake.ok = true;
  handshake.version = SSL_version(connection);
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(connection, &protocol, &length);
  handshake.alpn.assign(reinterpret_cast<const char*>(protocol), length);
  X509* certificate = SSL_get0_peer_certificate(connection);
  char organization[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_organizationName, organization,
                            sizeof organization);
  handshake.organization = organization;
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  handshake.key_type = EVP_PKEY_get0_type_name(key);
  handshake.key_bits = EVP_PKEY_get_bits(key);
}

}  // namespace

Handshake shake_hands(std::uint16_t port, int max_version) {
  const Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), max_version);
  SSL_CTX_set_security_level(context.get(), 0);  // so that only the server decides about old versions
  static constexpr unsigned char kProtocols[] = "\x08http/1.1\x02h2";
  SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof kProtocols - 1);
  const int fd = connect_to(port);
  Handshake handshake;
  {
    const Connection connection(SSL_new(context.get()));
    SSL_set_fd(connection.get(), fd);
    if (SSL_connect(connection.get()) == 1) describe(connection.get(), handshake);
  }
  close(fd);
  return handshake;
}

}  // namespace epp::conformance
