// The endpoint that a pod is by one of its ports.
#pragma once

#include "endpoints/endpoint.h"
#include "kube/objects.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace epp::discovery {

// "namespace/<pod>-rank-<i>".
[[nodiscard]] std::string endpoint_id(const kube::Pod& pod, std::size_t rank);
[[nodiscard]] endpoints::EndpointSpec endpoint_of(const kube::Pod& pod, std::size_t rank, std::uint16_t port);

}  // namespace epp::discovery
