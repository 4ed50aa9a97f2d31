#pragma once

#include <cstdlib>

namespace epp::config {

// Ends the run with a report when a property does not hold.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace epp::config
