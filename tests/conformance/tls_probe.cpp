#include "conformance/tls_probe.h"

#include "support/files.h"

#include <memory>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::conformance {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Deleter<SSL_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

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

Pair make_pair_of(const std::string& organization) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(organization.data()),
                             static_cast<int>(organization.size()), -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const Memory certificate_text(BIO_new(BIO_s_mem()));
  const Memory key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.certificate = text_of(certificate_text.get()), .key = text_of(key_text.get())};
}

void write_pair(const std::filesystem::path& directory, const Pair& pair) {
  testing::write_file(directory / "tls.key", pair.key);
  testing::write_file(directory / "tls.crt", pair.certificate);
}

}  // namespace epp::conformance
