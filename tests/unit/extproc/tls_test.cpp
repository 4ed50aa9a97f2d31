#include "extproc/tls.h"

#include "telemetry/log.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace epp::extproc {
namespace {

// RSA 4096 takes its time: one pair for all tests.
const KeyPair& pair() {
  static const KeyPair made = [] {
    const std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
    return make_self_signed(names);
  }();
  return made;
}

const KeyPair& other_pair() {
  static const KeyPair made = make_self_signed({});
  return made;
}

struct Directory {
  Directory() : path(std::filesystem::temp_directory_path() / ("epp-tls-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  void write(const KeyPair& of) const {
    std::ofstream(path / "tls.crt") << of.certificate_chain;
    std::ofstream(path / "tls.key") << of.private_key;
  }
  std::filesystem::path path;
};

TEST(Tls, SelfSignedCertificate) {
  EXPECT_EQ(validate_pair(pair()), "");
  BIO* bio = BIO_new_mem_buf(pair().certificate_chain.data(), static_cast<int>(pair().certificate_chain.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  ASSERT_NE(certificate, nullptr);
  char organization[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_organizationName, organization, 64);
  EXPECT_STREQ(organization, "Inference Ext");
  EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), 4096);
  EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "10.0.0.1", 0), 0);
  X509_free(certificate);
  BIO_free(bio);
}

TEST(Tls, BrokenPairsAreNamed) {
  EXPECT_EQ(validate_pair({"", pair().private_key}), "no PEM certificate found");
  EXPECT_EQ(validate_pair({pair().certificate_chain, ""}), "no usable PEM private key found");
  EXPECT_EQ(validate_pair({pair().certificate_chain, other_pair().private_key}),
            "the private key does not match the certificate");
  std::string damaged = pair().certificate_chain + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(validate_pair({damaged, pair().private_key}), "the certificate chain holds a damaged certificate");
}

TEST(Tls, ReloadPublishesOnlyValidPairs) {
  const Directory directory;
  std::string error;
  EXPECT_FALSE(read_pair(directory.path, error));
  EXPECT_EQ(error, "cannot read " + (directory.path / "tls.crt").string());
  TlsIdentity identity(pair());
  directory.write({other_pair().certificate_chain, pair().private_key});
  EXPECT_FALSE(reload_pair(directory.path, identity, telemetry::Logger()));
  EXPECT_EQ(identity.current().generation, 1u);
  directory.write(other_pair());
  EXPECT_TRUE(reload_pair(directory.path, identity, telemetry::Logger()));
  EXPECT_EQ(identity.current().generation, 2u);
  EXPECT_EQ(identity.current().pair->certificate_chain, other_pair().certificate_chain);
}

TEST(Tls, SettingsThatGrpcCannotGiveAreRefused) {
  EXPECT_EQ(refuse_tls_settings("", {}), "");
  EXPECT_EQ(refuse_tls_settings("VersionTLS12", {}), "");
  EXPECT_NE(refuse_tls_settings("VersionTLS13", {}), "");
  EXPECT_NE(refuse_tls_settings("VersionTLS10", {}), "");
  const std::vector<std::string> some{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
  EXPECT_NE(refuse_tls_settings("", some), "");
  const std::vector<std::string> all{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                                     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  EXPECT_EQ(refuse_tls_settings("", all), "");
}

}  // namespace
}  // namespace epp::extproc
