// A TLS client that only shakes hands.
#pragma once

#include <cstdint>
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

}  // namespace epp::conformance
