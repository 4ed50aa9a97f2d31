#pragma once

#include <filesystem>
#include <string>

namespace epp::testing {

struct KeyPair {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// A self-signed EC certificate of this organization, good for an hour and for 127.0.0.1, ::1 and localhost. It is its
// own authority.
KeyPair make_key_pair(const std::string& organization);

// tls.crt and tls.key of a directory.
void write_key_pair(const std::filesystem::path& directory, const KeyPair& pair);

}  // namespace epp::testing
