// What abidiff says of two versions of the headers, judged by the rule of the ABI: structs that carry their size may
// get members at their end, and nothing else changes.
//
// abidiff can suppress "members inserted at the end" itself, but in version 2.2 that also hides changes of structs that
// got no member at all, such as another type or parameter. So its leaf report is read here instead.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace epp::testing {

// The lines of `abidiff --leaf-changes-only --harmless` that the rule forbids, each with the type that it is about.
// `growing` are the structs that carry their size.
std::vector<std::string> forbidden_changes(std::string_view report, const std::set<std::string>& growing);

}  // namespace epp::testing
