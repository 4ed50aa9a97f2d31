#pragma once

#include <string>

namespace epp::testing {

// The value of the first sample of a Prometheus page whose line begins with `series`; 0 if there is none.
double sample_value(const std::string& page, const std::string& series);

}  // namespace epp::testing
