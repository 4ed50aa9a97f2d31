#include "extproc/tls.h"

#include "telemetry/log.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace epp::extproc {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

constexpr long kTenYears = 10L * 365 * 24 * 60 * 60;

Bio reader(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "cannot add an extension");
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> buffer{};
  return inet_pton(AF_INET, name.c_str(), buffer.data()) == 1 || inet_pton(AF_INET6, name.c_str(), buffer.data()) == 1;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

}  // namespace

std::string validate_pair(const KeyPair& pair) {
  ERR_clear_error();
  const Bio certificates = reader(pair.certificate_chain);
  const Certificate leaf(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  if (!leaf) return "no PEM certificate found";
  for (;;) {
    const Certificate next(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
    if (next) continue;
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(error) == PEM_R_NO_START_LINE) break;
    return "the certificate chain holds a damaged certificate";
  }
  // An encrypted key would ask for its password on the terminal: answer with none.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const Bio keys = reader(pair.private_key);
  const Key key(PEM_read_bio_PrivateKey(keys.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!key) return "no usable PEM private key found";
  const bool matches = X509_check_private_key(leaf.get(), key.get()) == 1;
  ERR_clear_error();
  return matches ? std::string() : "the private key does not match the certificate";
}

KeyPair make_self_signed(std::span<const std::string> names) {
  const Key key(EVP_RSA_gen(4096));
  const Certificate certificate(X509_new());
  const Number serial(BN_new());
  require(key != nullptr && certificate != nullptr && serial != nullptr, "cannot make a key");
  X509* const x509 = certificate.get();
  require(BN_rand(serial.get(), 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1, "no random numbers");
  require(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) != nullptr, "cannot set the serial number");
  X509_set_version(x509, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(x509), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509), kTenYears);
  X509_set_pubkey(x509, key.get());
  static constexpr std::string_view kOrganization = "Inference Ext";
  X509_NAME* const subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(kOrganization.data()),
                             static_cast<int>(kOrganization.size()), -1, 0);
  X509_set_issuer_name(x509, subject);
  add_extension(x509, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(x509, NID_key_usage, "critical,digitalSignature,keyEncipherment");
  add_extension(x509, NID_ext_key_usage, "serverAuth");
  std::string alternatives;
  for (const std::string& name : names)
    alternatives += (alternatives.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  if (!alternatives.empty()) add_extension(x509, NID_subject_alt_name, alternatives);
  require(X509_sign(x509, key.get(), EVP_sha256()) != 0, "cannot sign");

  KeyPair pair;
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  const Bio key_text(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(certificate_text.get(), x509) == 1, "cannot write the certificate");
  require(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "cannot write the key");
  pair.certificate_chain = contents(certificate_text.get());
  pair.private_key = contents(key_text.get());
  return pair;
}

std::vector<std::string> local_names() {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  const auto add = [&](std::string name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  };
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0') add(host.data());
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return names;
  for (const ifaddrs* entry = interfaces; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* address = nullptr;
    if (entry->ifa_addr->sa_family == AF_INET)
      address = &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr;
    if (entry->ifa_addr->sa_family == AF_INET6)
      address = &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
    if (address != nullptr && inet_ntop(entry->ifa_addr->sa_family, address, text.data(), text.size()) != nullptr)
      add(text.data());
  }
  freeifaddrs(interfaces);
  return names;
}

std::optional<KeyPair> read_pair(const std::string& directory, std::string& error) {
  const std::string certificate_path = directory + "/tls.crt";
  const std::string key_path = directory + "/tls.key";
  std::optional<std::string> certificate = read_file(certificate_path);
  std::optional<std::string> key = read_file(key_path);
  if (!certificate || !key) {
    error = "cannot read " + (certificate ? key_path : certificate_path);
    return std::nullopt;
  }
  KeyPair pair{std::move(*certificate), std::move(*key)};
  error = validate_pair(pair);
  if (error.empty()) return pair;
  error = certificate_path + ", " + key_path + ": " + error;
  return std::nullopt;
}

std::string refuse_tls_settings(std::string_view min_version, std::span<const std::string> cipher_suites) {
  if (!min_version.empty() && min_version != "VersionTLS12") {
    return "--tls-min-version=" + std::string(min_version) +
           ": gRPC 1.51 serves TLS 1.2 and 1.3 and has no setting to lower or raise that minimum of TLS 1.2; leave the "
           "flag out or say VersionTLS12";
  }
  // What gRPC 1.51 is built with; TLS 1.3 suites are not configurable in either system.
  static const std::set<std::string_view> kBuiltIn = {
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"};
  const std::set<std::string_view> wanted(cipher_suites.begin(), cipher_suites.end());
  if (wanted.empty() || wanted == kBuiltIn) return {};
  std::string built_in;
  for (std::string_view suite : kBuiltIn)
    built_in += (built_in.empty() ? "" : ",") + std::string(suite);
  return "--tls-cipher-suites: gRPC 1.51 cannot choose TLS 1.2 cipher suites for one server, it always offers " +
         built_in + "; leave the flag out or name exactly these";
}

TlsIdentity::TlsIdentity(KeyPair pair) {
  publish(std::move(pair));
}

void TlsIdentity::publish(KeyPair pair) {
  auto shared = std::make_shared<const KeyPair>(std::move(pair));
  const std::lock_guard lock(mutex_);
  ++current_.generation;
  current_.pair = std::move(shared);
}

TlsIdentity::Current TlsIdentity::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool reload_pair(const std::string& directory, TlsIdentity& identity, const telemetry::Logger& log) {
  std::string error;
  std::optional<KeyPair> pair = read_pair(directory, error);
  if (!pair) {
    EPP_LOG_ERROR(log, error, "Failed to reload TLS certificate");
    return false;
  }
  identity.publish(std::move(*pair));
  EPP_LOG(log, kInfo, "Reloaded TLS certificate", {"directory", directory});
  return true;
}

}  // namespace epp::extproc
