#pragma once

#include "request/json_text.h"

#include <string>
#include <string_view>

namespace epp::request {

/// Appends a valid JSON value the way Go's encoding/json prints it after decoding it into generic maps: no white space,
/// keys sorted by bytes at every level with the last duplicate winning, numbers as doubles, HTML characters escaped.
/// Nesting is bounded by kMaxJsonDepth and costs no stack.
void append_canonical(std::string& out, std::string_view value);

/// The same for an object whose top-level member `key` is set to `string`.
void append_canonical_with(std::string& out, std::string_view object, std::string_view key, std::string_view string);

/// Appends a valid JSON value with white space removed and HTML characters escaped; key order and number literals stay.
void append_compact(std::string& out, std::string_view value);

}  // namespace epp::request
