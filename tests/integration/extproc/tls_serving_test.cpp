// The certificate that a handshake shows.
#include "extproc/server.h"
#include "extproc/tls.h"
#include "unit/lifecycle/world.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::extproc::testing {
namespace {

struct Handshake {
  bool ok = false;
  std::string alpn;
  std::string organization;
  int key_bits = 0;
  std::string serial;
  int version = 0;
};

// One TLS handshake with a server on the loopback; `max_version` 0: any.
Handshake shake(std::uint16_t port, int max_version = 0) {
  Handshake result;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (max_version != 0) SSL_CTX_set_max_proto_version(context, max_version);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  static const unsigned char kProtocols[] = "\x08http/1.1\x02h2";
  SSL_CTX_set_alpn_protos(context, kProtocols, sizeof(kProtocols) - 1);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) == 1) {
    result.ok = true;
    result.version = SSL_version(ssl);
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &length);
    result.alpn.assign(reinterpret_cast<const char*>(protocol), length);
    X509* certificate = SSL_get0_peer_certificate(ssl);
    char text[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_organizationName, text, sizeof(text));
    result.organization = text;
    result.key_bits = EVP_PKEY_get_bits(X509_get0_pubkey(certificate));
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
    result.serial.assign(reinterpret_cast<const char*>(serial->data), static_cast<std::size_t>(serial->length));
  }
  SSL_free(ssl);
  close(fd);
  SSL_CTX_free(context);
  return result;
}

TEST(ExtprocCheck, C37_TlsServing) {
  lifecycle::testing::World world;
  auto identity = std::make_shared<TlsIdentity>(make_self_signed(local_names()));
  ServerOptions options;
  options.address = "127.0.0.1";
  options.tls = identity;
  ServerRoutes routes;
  routes.process = &world.services;
  std::string error;
  const auto server = Server::start(options, routes, error);
  ASSERT_TRUE(server) << error;

  const Handshake first = shake(server->port());
  ASSERT_TRUE(first.ok);
  EXPECT_EQ(first.alpn, "h2");
  EXPECT_EQ(first.organization, "Inference Ext");
  EXPECT_EQ(first.key_bits, 4096);
  EXPECT_EQ(shake(server->port(), TLS1_2_VERSION).version, TLS1_2_VERSION);
  EXPECT_FALSE(shake(server->port(), TLS1_1_VERSION).ok);

  identity->publish(make_self_signed({}));
  const Handshake second = shake(server->port());
  ASSERT_TRUE(second.ok);
  EXPECT_NE(second.serial, first.serial);
}

}  // namespace
}  // namespace epp::extproc::testing
