#include "kube/field.h"
#include "kube/label_syntax.h"

#include <algorithm>

namespace epp::kube {
namespace {

constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxPorts = 8;

// A label that breaks the rules would make the API server refuse every list of pods.
Labels read_match_labels(const Field& field) {
  Labels labels = field.required().labels();
  if (labels.empty() || labels.size() > kMaxLabels) field.fail("must have 1..64 entries");
  for (const auto& [key, value] : labels) {
    if (!valid_label_key(key)) field.fail("\"" + key + "\" is no label key");
    if (!valid_label_value(value)) field.fail("\"" + value + "\" is no label value");
  }
  return labels;
}

std::uint16_t read_port(const Field& field) {
  return static_cast<std::uint16_t>(*field.required().int32(1, 65535));
}

}  // namespace

Read<InferencePool> read_inference_pool(const Json& object) {
  return read_view<InferencePool>(object, [](const Field& root, InferencePool& pool) {
    pool.meta = read_metadata(root);
    const Field spec = root["spec"];
    pool.match_labels = read_match_labels(spec["selector"]["matchLabels"]);
    const Field ports = spec["targetPorts"];
    if (ports.size() < 1 || ports.size() > kMaxPorts) ports.fail("must have 1..8 entries");
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Field number = ports[i]["number"];
      const std::uint16_t port = read_port(number);
      if (std::find(pool.target_ports.begin(), pool.target_ports.end(), port) != pool.target_ports.end()) {
        number.fail("must be unique");
      }
      pool.target_ports.push_back(port);
    }
    pool.app_protocol = spec["appProtocol"].text();
  });
}

Read<InferencePool> read_inference_pool_v1alpha2(const Json& object) {
  return read_view<InferencePool>(object, [](const Field& root, InferencePool& pool) {
    pool.meta = read_metadata(root);
    const Field spec = root["spec"];
    pool.match_labels = read_match_labels(spec["selector"]);
    pool.target_ports = {read_port(spec["targetPortNumber"])};
  });
}

}  // namespace epp::kube
