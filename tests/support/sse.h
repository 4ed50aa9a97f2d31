#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace epp::testing {

// The data of each server-sent event in `body`, in order. Other lines are left out.
std::vector<std::string> sse_data(std::string_view body);

}  // namespace epp::testing
