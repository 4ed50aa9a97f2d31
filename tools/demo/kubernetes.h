#pragma once

#include <atomic>
#include <cstdint>

namespace epp::demo {

// A pool in a real API server: pods come, get unready, drain and go, an objective and a rewrite appear, while requests
// flow. Live: a table of pods, until `stop` is set or a process ends. Once: each of these must have its effect in time
// and no request may fail. Returns the exit code.
int run_kubernetes(std::uint16_t client_port, bool once, const std::atomic<bool>& stop);

}  // namespace epp::demo
