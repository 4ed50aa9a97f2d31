// What label keys and values may look like.
#pragma once

#include <string_view>

namespace epp::kube {

// An optional DNS subdomain (at most 253 bytes) and '/', then a name of 1..63 bytes: alphanumeric at both ends, with
// '-', '_' and '.' between.
[[nodiscard]] bool valid_label_key(std::string_view key);
// Empty, or as such a name.
[[nodiscard]] bool valid_label_value(std::string_view value);

}  // namespace epp::kube
