// One workload against several servers, interleaved, so that what else the machine does hits all of them.
#pragma once

#include "bench/wire/report.h"
#include "bench/wire/server_process.h"
#include "bench/wire/workload.h"

#include <chrono>
#include <vector>

namespace epp::bench {

struct Schedule {
  unsigned rounds = 3;
  std::chrono::milliseconds measure{1200};  ///< of each server in each round
  std::chrono::milliseconds warm_up{300};   ///< before each of them
};

/// Starts every program anew, so that peak memory is that of this workload. Throws std::runtime_error when one of them
/// does not serve, or fails a request.
std::vector<ServerFigures> compare(const std::vector<Program>& programs, const Workload& workload,
                                   const Schedule& schedule);

}  // namespace epp::bench
