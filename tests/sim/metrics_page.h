#pragma once

#include "sim/engine.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace epp::sim {

// Whose metric names the server speaks.
enum class EngineKind { kVllm, kSglang, kTrtllmServe, kTritonTensorrtLlm };

// "vllm", "sglang", "trtllm-serve" or "triton-tensorrt-llm".
std::optional<EngineKind> engine_kind(std::string_view name);

// Values to report in place of the engine's own.
struct MetricOverrides {
  std::optional<double> waiting;
  std::optional<double> running;
  std::optional<double> kv_usage;  // In [0, 1].
};

// What a page says that the engine does not know.
struct PageInfo {
  std::string model;
  double unix_time = 0;  // Seconds; the value of the LoRA series.
  double start_time = 0;
  MetricOverrides overrides = {};
  std::map<std::string, std::uint64_t> finished = {};       // By reason: stop, length, abort.
  std::map<std::string, std::uint64_t> http_requests = {};  // By path.
};

// The Prometheus text that a server of that kind shows in this state. vLLM's page is as long as a real one; the others
// hold the series that an EPP reads.
std::string metrics_page(EngineKind kind, const Engine& engine, const PageInfo& info);

}  // namespace epp::sim
