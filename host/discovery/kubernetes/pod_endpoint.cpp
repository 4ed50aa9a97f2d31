#include "discovery/kubernetes/pod_endpoint.h"

namespace epp::discovery {
namespace {

std::string endpoint_name(const kube::Pod& pod, std::size_t rank) {
  return pod.meta.name + "-rank-" + std::to_string(rank);
}

}  // namespace

std::string endpoint_id(const kube::Pod& pod, std::size_t rank) {
  return pod.meta.name_space + "/" + endpoint_name(pod, rank);
}

endpoints::EndpointSpec endpoint_of(const kube::Pod& pod, std::size_t rank, std::uint16_t port) {
  return {.name_space = pod.meta.name_space,
          .name = endpoint_name(pod, rank),
          .workload = pod.meta.name,
          .address = pod.pod_ip,
          .port = std::to_string(port),
          .metrics_host = {},
          .node_address = pod.host_ip,
          .labels = pod.meta.labels,
          .rank = static_cast<std::uint32_t>(rank)};
}

}  // namespace epp::discovery
