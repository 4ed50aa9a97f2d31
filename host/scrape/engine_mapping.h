// Which metric of which engine means what: the parameters of `core-metrics-extractor`.
#pragma once

#include "scrape/metric_spec.h"

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace epp::scrape {

struct CustomMetric {
  std::string attribute_key;  // the attribute is <attribute_key>/core-metrics-extractor
  MetricSpec spec;
};

// What one engine exposes; an absent specification means "not available for this engine".
struct EngineMapping {
  std::string name;
  std::optional<MetricSpec> queued;
  std::optional<MetricSpec> running;
  std::optional<MetricSpec> kv_usage;
  std::optional<MetricSpec> lora;
  std::optional<MetricSpec> cache_info;  // block size and count as labels of this one
  std::string block_size_label = "block_size";
  std::string num_blocks_label = "num_gpu_blocks";
  std::optional<MetricSpec> cache_block_size;  // the same two as gauges
  std::optional<MetricSpec> cache_num_blocks;
  std::vector<CustomMetric> custom;
};

// Which of several matching series gives the value. Upstream knows the first only: the newest timestamp, then the first
// in the page.
enum class SeriesChoice : std::uint8_t { kNewest, kSum, kAverage, kMax };

// What a sample without # TYPE is worth. Upstream reads 0.
enum class UntypedValue : std::uint8_t { kZero, kValue, kError };

struct CoreMetricsParameters {
  std::string engine_label_key = "llm-d.ai/engine-type";
  std::string default_engine = "vllm";
  std::map<std::string, EngineMapping> engines;  // built-in and configured, by name
  // Ours, beyond upstream's.
  SeriesChoice series = SeriesChoice::kNewest;
  UntypedValue untyped = UntypedValue::kZero;
  // True: a block size or count that the engine no longer shows, or shows as "None", becomes 0 without an error. False:
  // an error each time, and the count keeps its last value.
  bool reset_cache_info = false;
};

class ParameterError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Used when the endpoint lacks the configured engine label.
inline constexpr std::string_view kFallbackEngineLabel = "inference.networking.k8s.io/engine-type";

[[nodiscard]] std::map<std::string, EngineMapping> built_in_engines();

// `json` is the parameters object, or empty. Throws ParameterError: unknown fields, illegal specifications, an engine
// named "" or "default", duplicate engines, empty or duplicate attribute keys, an unknown default engine.
[[nodiscard]] CoreMetricsParameters parse_core_metrics_parameters(std::string_view json);

// JSON Schema (draft-07) of those parameters.
[[nodiscard]] std::string_view core_metrics_schema();

}  // namespace epp::scrape
