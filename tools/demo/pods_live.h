#pragma once

#include "pod_cluster.h"

#include <atomic>

namespace epp::demo {

// The same over and over, with a table of the pods and their share of the requests, until `stop` is set or a process
// ends. Returns the exit code.
int run_pods_live(PodCluster& cluster, const std::atomic<bool>& stop);

}  // namespace epp::demo
