#pragma once

#include "pod_cluster.h"

namespace epp::demo {

// Pods come, get unready, drain and go, an objective and a rewrite appear, while requests flow: each of these must have
// its effect in time, and no request may fail. Says what it checks. Returns 0 only if all was right.
int run_pods_once(PodCluster& cluster);

}  // namespace epp::demo
