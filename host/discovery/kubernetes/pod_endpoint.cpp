#include "discovery/kubernetes/pod_endpoint.h"

#include "discovery/kubernetes/active_ports.h"

#include <utility>

namespace epp::discovery {
namespace {

constexpr std::size_t kLongestAnnotation = 1024;
constexpr std::size_t kAnnotationBytes = 16 * 1024;  // of one pod, keys included

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
          .annotations = pod.meta.annotations,
          .rank = static_cast<std::uint32_t>(rank)};
}

void bound_annotations(kube::Labels& annotations) {
  std::size_t used = 0;
  std::erase_if(annotations, [&used](const auto& annotation) {
    const auto& [key, value] = annotation;
    if (key == kActivePorts || key == kActivePortsFormerly) return false;
    const bool fits = value.size() <= kLongestAnnotation && used + key.size() + value.size() <= kAnnotationBytes;
    if (fits) used += key.size() + value.size();
    return !fits;
  });
}

}  // namespace epp::discovery
