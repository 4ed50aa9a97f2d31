// How fast an EPP starts, and whether it stays small.
#pragma once

#include "bench/wire/comparison.h"

#include <chrono>
#include <iosfwd>
#include <vector>

namespace epp::bench {

/// Milliseconds from the start of the process until it serves, with an instance of every plugin type that comes with
/// it. The median of `times` starts.
double measure_start(const Program& epp, unsigned times);

struct Soak {
  std::vector<double> rss_mib;  ///< at the end of each slice
  double growth_mib_min = 0;    ///< slope over the second half of the slices
};
/// Requests of 1 KiB and their responses for `duration`; memory is looked at every 10 s, and told on `out` as it goes.
Soak soak(const Program& epp, std::chrono::seconds duration, std::ostream& out);

}  // namespace epp::bench
