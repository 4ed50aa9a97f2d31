// Endpoints given on the command line: `--endpoint name=host:port,label=value,...`.
#pragma once

#include "config/options.h"
#include "endpoints/endpoint.h"

#include <stdexcept>
#include <vector>

namespace epp::discovery {

class UnknownHost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The endpoints in the given order, in namespace "default". A host name is resolved here, once, IPv4 before IPv6;
// throws UnknownHost when that fails. [main] May block in the resolver.
[[nodiscard]] std::vector<endpoints::EndpointSpec> static_endpoints(const std::vector<config::StaticEndpoint>& given);

}  // namespace epp::discovery
