#pragma once

#include "cluster.h"

#include <atomic>

namespace epp::demo {

// Two tenants and two priorities saturate the pool. Shows who waits, who is served and how long it takes, until `stop`
// is set or a process of the cluster ends; with `once` for a bounded time, and then says whether flow control kept what
// it promises. Returns the exit code.
int run_flow_control(Cluster& cluster, bool once, const std::atomic<bool>& stop);

}  // namespace epp::demo
