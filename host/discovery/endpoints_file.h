// The endpoints file of file discovery, YAML or JSON:
//
//   endpoints:
//     - name: vllm-0           # may be empty; the identity is namespace/name
//       namespace: default     # default "default"
//       address: 10.0.0.1      # IPv4 literal
//       port: "8000"           # a STRING: an unquoted number is a type error of the whole file
//       labels: {engine: vllm} # optional, strings
//
// Unknown fields are ignored, field names match without regard to case.
#pragma once

#include "endpoints/endpoint.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace epp::discovery {

struct FileEntry {
  std::string name;
  std::string name_space = "default";
  std::string address;
  std::string port;
  std::vector<std::pair<std::string, std::string>> labels;
};

struct FileError {
  std::string text;
};

// Entries may come by YAML aliases, so their labels are bounded apart from the file's size.
inline constexpr std::size_t kMaxFileBytes = 1u << 20;
inline constexpr std::size_t kMaxLabelsInFile = 1u << 18;

// The entries in file order, or why the file as a whole is unusable. An empty file has no entries.
[[nodiscard]] std::variant<std::vector<FileEntry>, FileError> parse_endpoints_file(std::string_view text);

enum class Addresses : std::uint8_t {
  kIpv4,         // file-discovery: IPv4, also IPv4-mapped IPv6
  kIpOrDnsName,  // multicluster-file-discovery; labels metricsAddress and metricsPort say where to scrape
};

// The endpoint that an entry describes, or what is wrong with the entry.
[[nodiscard]] std::variant<endpoints::EndpointSpec, FileError> to_endpoint(FileEntry entry, Addresses allowed);

}  // namespace epp::discovery
