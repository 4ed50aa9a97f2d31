// The endpoint that a pod is by one of its ports, and what is kept of the pod for it.
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

// Annotations can be many times larger than all the rest of a pod, and those of 5,000 pods are kept. Leaves out values
// above 1 KiB and, by key, what does not fit into 16 KiB any more; never those that discovery itself acts on.
void bound_annotations(kube::Labels& annotations);

}  // namespace epp::discovery
