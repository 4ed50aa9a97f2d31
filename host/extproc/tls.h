// The certificate of the ext-proc port: generated, or read from a directory and replaced while serving.
//
// gRPC is asked for the pair at each handshake and only ever sees one that was validated here, so a broken pair on disk
// leaves the old one in service and running connections untouched. ALPN is h2, the least version TLS 1.2.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::telemetry {
class Logger;
}

namespace epp::extproc {

struct KeyPair {
  std::string certificate_chain;  ///< PEM, leaf first
  std::string private_key;        ///< PEM
};

/// What is wrong with a pair; empty if gRPC can serve it: both parse, and the key is the leaf's.
std::string validate_pair(const KeyPair& pair);

/// RSA 4096, organization "Inference Ext", ten years, for `names` (DNS names and IP literals) as subject alternative
/// names. Takes about a second.
KeyPair make_self_signed(std::span<const std::string> names);
/// localhost, this machine's name, and the addresses of its interfaces.
std::vector<std::string> local_names();

/// tls.crt and tls.key of a directory, validated; nullopt with a sentence in `error`.
std::optional<KeyPair> read_pair(const std::string& directory, std::string& error);

/// Why gRPC 1.51 cannot give the minimum version (`VersionTLS12`, ...; empty: default) and TLS 1.2 cipher suites (names
/// as IANA has them; none: default) that are asked for. Empty: it can.
std::string refuse_tls_settings(std::string_view min_version, std::span<const std::string> cipher_suites);

/// The pair in service. [any thread]
class TlsIdentity {
 public:
  explicit TlsIdentity(KeyPair pair);

  /// New handshakes use it. The caller has validated it.
  void publish(KeyPair pair);

  struct Current {
    std::uint64_t generation = 0;  ///< rises by one with each publish()
    std::shared_ptr<const KeyPair> pair;
  };
  Current current() const;

 private:
  mutable std::mutex mutex_;
  Current current_;
};

/// Publishes what a certificate directory holds now, if it is a valid pair; else logs why not and leaves the old one.
/// To be called by whoever watches the directory. True if a pair was published.
bool reload_pair(const std::string& directory, TlsIdentity& identity, const telemetry::Logger& log);

}  // namespace epp::extproc
