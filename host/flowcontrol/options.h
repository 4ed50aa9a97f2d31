// What a dispatcher is configured with. Complete and validated: limits are filled in, policies resolved.
#pragma once

#include "flowcontrol/outcome.h"
#include "plugins/instance.h"

#include <cstdint>
#include <vector>

namespace epp::flowcontrol {

struct BandOptions {
  std::int32_t priority = 0;
  std::uint64_t max_requests = 0;  // > 0
  std::uint64_t max_bytes = 0;     // > 0
  plugins::InstancePtr fairness;   // serves epp.fairness/1
  plugins::InstancePtr ordering;   // serves epp.ordering/1
  bool operator==(const BandOptions&) const = default;
};

// What upstream does not do. Every default keeps upstream's answers.
struct Extensions {
  // A newcomer that finds the global limits reached displaces waiting requests of lower bands, the lowest band's last
  // arrivals first.
  bool displace_lower_bands = false;
  // Share of the global limits that only bands above priority 0 may fill, 0 to <1.
  double reserved_for_high_bands = 0;
  // Readings that grow stale keep their last saturation for so long before the detector's word counts; 0: not at all.
  Nanos hold_stale_ns = 0;
  // Once closed the gate opens this far below the ceiling, 0 to <1.
  double hysteresis = 0;
  // Live fairness ids per band; a request of one more is queued as the flow "other". 0: no limit.
  std::uint64_t max_flows = 0;
  // A request waits only for the stage (prefill, decode) that it needs.
  bool gate_per_stage = false;
  bool operator==(const Extensions&) const = default;
};

struct Options {
  std::uint64_t max_requests = 0;  // of all bands; 0: no limit
  std::uint64_t max_bytes = 0;     // of all bands; 0: no limit
  Nanos default_ttl_ns = 0;        // while the pool has endpoints; 0: for ever
  Nanos no_endpoint_ttl_ns = 0;    // while it has none; 0: for ever
  std::vector<BandOptions> bands;  // static ones, band 0 among them
  BandOptions default_band;        // of bands that objectives ask for
  BandOptions default_negative_band;
  plugins::InstancePtr detector;
  plugins::InstancePtr usage_limits;
  Extensions extensions;

  Nanos flow_idle_ns = 300'000'000'000;  // a flow without requests is forgotten after it
  Nanos band_idle_ns = 600'000'000'000;  // likewise a dynamic band that no objective asks for
  Nanos collect_every_ns = 300'000'000'000;

  bool operator==(const Options&) const = default;
};

}  // namespace epp::flowcontrol
