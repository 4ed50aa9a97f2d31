// From an entry of the file to an endpoint.
#pragma once

#include "discovery/pool_file.h"
#include "endpoints/endpoint.h"

#include <cstdint>
#include <variant>

namespace epp::discovery {

enum class Addresses : std::uint8_t {
  kIpv4,         // file-discovery: IPv4, also IPv4-mapped IPv6
  kIpOrDnsName,  // multicluster-file-discovery; labels metricsAddress and metricsPort say where to scrape
};

// The endpoint that an entry describes, or what is wrong with the entry.
[[nodiscard]] std::variant<endpoints::EndpointSpec, FileError> to_endpoint(FileEntry entry, Addresses allowed);

}  // namespace epp::discovery
