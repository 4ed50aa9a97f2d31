// The queue at one moment, for operators and gauges.
#pragma once

#include "flowcontrol/outcome.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace epp::flowcontrol {

struct FlowView {
  std::string id;
  std::uint64_t length = 0;
  std::uint64_t bytes = 0;
  Nanos oldest_wait_ns = 0;
};

struct BandView {
  std::int32_t priority = 0;
  std::uint64_t length = 0, bytes = 0, max_requests = 0, max_bytes = 0;
  std::uint64_t flows = 0, active_flows = 0;
  Nanos oldest_wait_ns = 0;
  double ceiling = 1.0;
  bool open = true;                     // its own gate and those of all bands above
  std::vector<FlowView> longest_flows;  // longest first
};

struct View {
  std::uint64_t length = 0, bytes = 0, max_requests = 0, max_bytes = 0;
  bool pool_empty = false;
  double saturation = 0;  // effective
  std::optional<double> prefill_saturation, decode_saturation;
  std::uint64_t undecided = 0, unseen = 0;  // reservations
  std::vector<BandView> bands;              // highest priority first
  std::string closed_because;               // empty: the gate is open
};

}  // namespace epp::flowcontrol
