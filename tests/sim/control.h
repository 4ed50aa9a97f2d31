#pragma once

#include "sim/metrics_page.h"

#include <chrono>
#include <string>
#include <string_view>

namespace epp::sim {

// How GET /metrics misbehaves.
enum class MetricsFault { kNone, kGarbage, kTruncated, kHuge, kHang, kError };

// What POST /sim/control can change. The body is a JSON object with any of:
//
//   "metrics": {"waiting": 3, "running": 2, "kv_usage": 0.5}   values to report instead of the real ones; null: real
//   "metrics_fault": "none" | "garbage" | "truncated" | "huge" (50 MB) | "hang" | "error" (status 500)
//   "fail_status": 503        every inference request is answered so; 0: none
//   "fail_rate": 0.25         fraction of inference requests answered with status 500
//   "hang": true              inference requests get no answer until this is false again
//   "healthy": false          GET /health answers 503
//   "slow": 5                 all times that begin from now on are five times as long
//   "stop_accepting_ms": 500  the port is closed for so long
//   "reset": true             first of all, everything as at the start
struct Control {
  MetricOverrides metrics;
  MetricsFault metrics_fault = MetricsFault::kNone;
  unsigned fail_status = 0;
  double fail_rate = 0;
  bool hang = false;
  bool healthy = true;
  double slow = 1;
  std::chrono::milliseconds stop_accepting{0};
};

// `current` changed by `body`; `initial` is what a reset goes back to. Throws ApiError (400), and then nothing changed.
Control changed(const Control& current, const Control& initial, std::string_view body);

}  // namespace epp::sim
