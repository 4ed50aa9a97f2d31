// A TLS client that only shakes hands, and certificates to serve.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace epp::conformance {

struct Handshake {
  bool ok = false;
  int version = 0;           // TLS1_2_VERSION, ...
  std::string alpn;          // chosen out of http/1.1 and h2
  std::string organization;  // of the certificate's subject
  std::string key_type;      // "RSA", "EC"
  int key_bits = 0;
};

// One handshake with 127.0.0.1:port; `max_version` 0: any.
Handshake shake_hands(std::uint16_t port, int max_version = 0);

// A self-signed EC certificate of this organization and its key, as PEM.
struct Pair {
  std::string certificate;
  std::string key;
};
Pair make_pair_of(const std::string& organization);

// tls.crt and tls.key of a directory.
void write_pair(const std::filesystem::path& directory, const Pair& pair);

}  // namespace epp::conformance
