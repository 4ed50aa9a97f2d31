#include "sim/control.h"

#include "sim/api.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::sim {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, MetricsFault>, 6> kFaults = {{{"none", MetricsFault::kNone},
                                                                               {"garbage", MetricsFault::kGarbage},
                                                                               {"truncated", MetricsFault::kTruncated},
                                                                               {"huge", MetricsFault::kHuge},
                                                                               {"hang", MetricsFault::kHang},
                                                                               {"error", MetricsFault::kError}}};

MetricsFault fault_named(const std::string& name) {
  for (const auto& [known, fault] : kFaults) {
    if (known == name) return fault;
  }
  throw ApiError(400, "unknown metrics_fault: " + name);
}

std::optional<double> override_of(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

void apply_metrics(MetricOverrides& metrics, const json& values) {
  for (const auto& [key, value] : values.items()) {
    if (key == "waiting") {
      metrics.waiting = override_of(value);
    } else if (key == "running") {
      metrics.running = override_of(value);
    } else if (key == "kv_usage") {
      metrics.kv_usage = override_of(value);
    } else {
      throw ApiError(400, "unknown metric: " + key);
    }
  }
}

void apply(Control& control, const std::string& key, const json& value) {
  if (key == "metrics") {
    apply_metrics(control.metrics, value);
  } else if (key == "metrics_fault") {
    control.metrics_fault = fault_named(value.get<std::string>());
  } else if (key == "fail_status") {
    control.fail_status = value.get<unsigned>();
  } else if (key == "fail_rate") {
    control.fail_rate = value.get<double>();
  } else if (key == "hang") {
    control.hang = value.get<bool>();
  } else if (key == "healthy") {
    control.healthy = value.get<bool>();
  } else if (key == "slow") {
    control.slow = value.get<double>();
  } else if (key == "stop_accepting_ms") {
    control.stop_accepting = std::chrono::milliseconds(value.get<std::int64_t>());
  } else if (key != "reset") {
    throw ApiError(400, "unknown control: " + key);
  }
}

}  // namespace

Control changed(const Control& current, const Control& initial, std::string_view body) {
  const json changes = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!changes.is_object()) throw ApiError(400, "the body is not a JSON object");
  try {
    Control control = changes.value("reset", false) ? initial : current;
    for (const auto& [key, value] : changes.items())
      apply(control, key, value);
    return control;
  } catch (const json::exception& error) {
    throw ApiError(400, error.what());
  }
}

}  // namespace epp::sim
