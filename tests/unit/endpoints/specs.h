// Endpoints for tests.
#pragma once

#include "endpoints/endpoint.h"

#include <string>

namespace epp::endpoints {

inline EndpointSpec spec(const std::string& name, const std::string& address = "10.0.0.1") {
  EndpointSpec spec;
  spec.name = name;
  spec.address = address;
  spec.port = "8000";
  return spec;
}

}  // namespace epp::endpoints
