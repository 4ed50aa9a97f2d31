#include "discovery/kubernetes/pod_endpoint.h"

#include "discovery/kubernetes/active_ports.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

std::vector<std::string> kept(kube::Labels annotations) {
  bound_annotations(annotations);
  std::vector<std::string> keys;
  for (const auto& [key, value] : annotations)
    keys.push_back(key);
  return keys;
}

TEST(PodEndpoint, ShowsLabelsAndAnnotations) {
  kube::Pod pod;
  pod.meta.name = "vllm";
  pod.meta.name_space = "ns";
  pod.meta.labels = {{"app", "m"}};
  pod.meta.annotations = {{"zone", "a"}};
  pod.pod_ip = "10.0.0.1";
  const endpoints::EndpointSpec spec = endpoint_of(pod, 1, 8001);
  EXPECT_EQ(spec.id(), "ns/vllm-rank-1");
  EXPECT_EQ(spec.workload, "vllm");
  EXPECT_EQ(spec.labels, pod.meta.labels);
  EXPECT_EQ(spec.annotations, pod.meta.annotations);
}

TEST(PodEndpoint, LongAnnotationsAreLeftOut) {
  EXPECT_EQ(kept({{"a", std::string(1024, 'x')}, {"b", std::string(1025, 'x')}, {"c", ""}}),
            (std::vector<std::string>{"a", "c"}));
}

TEST(PodEndpoint, AnnotationsAreBoundedTogether) {
  kube::Labels many;
  for (int i = 10; i < 40; ++i)
    many.emplace_back("key-" + std::to_string(i), std::string(1000, 'x'));
  many.emplace_back(kActivePorts, "8000");
  const std::vector<std::string> keys = kept(many);
  EXPECT_EQ(keys.size(), 17U) << "16 of 1,006 bytes, and the one that discovery reads";
  EXPECT_EQ(keys.front(), "key-10");
  EXPECT_EQ(keys.back(), kActivePorts);
}

}  // namespace
}  // namespace epp::discovery
