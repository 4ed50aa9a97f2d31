#pragma once

#include "cluster.h"

namespace epp::demo {

// A bounded run that checks every answer and every decision, and says what it checked. Returns 0 only if all was right.
int run_once(Cluster& cluster);

}  // namespace epp::demo
