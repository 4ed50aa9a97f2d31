#pragma once

#include "cluster.h"

#include <atomic>

namespace epp::demo {

// Sends traffic and shows where it goes, until `stop` is set or a process of the cluster ends. Returns the exit code.
int run_live(Cluster& cluster, const std::atomic<bool>& stop);

}  // namespace epp::demo
