#include "config/decode.h"

namespace epp::config {

std::string_view default_document() {
  return R"({
  "apiVersion": "llm-d.ai/v1alpha1",
  "kind": "EndpointPickerConfig",
  "plugins": [
    {"type": "queue-scorer"},
    {"type": "kv-cache-utilization-scorer"},
    {"type": "prefix-cache-scorer"},
    {"type": "metrics-data-source"},
    {"type": "core-metrics-extractor"}
  ],
  "schedulingProfiles": [
    {
      "name": "default",
      "plugins": [
        {"pluginRef": "queue-scorer", "weight": 2},
        {"pluginRef": "kv-cache-utilization-scorer", "weight": 2},
        {"pluginRef": "prefix-cache-scorer", "weight": 3}
      ]
    }
  ],
  "dataLayer": {
    "sources": [
      {"pluginRef": "metrics-data-source", "extractors": [{"pluginRef": "core-metrics-extractor"}]}
    ]
  }
}
)";
}

}  // namespace epp::config
