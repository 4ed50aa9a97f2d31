// Entries of `featureGates`: `name` or `name=<bool>`, the last entry of a gate wins.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

#include <string>
#include <vector>

namespace epp::config {

// `<bool>` is one of 1 t true 0 f false, trimmed and in any case; names are neither trimmed nor folded.
FeatureGates parse_feature_gates(const std::vector<std::string>& entries, Diagnostics& diagnostics);

}  // namespace epp::config
