#pragma once

#include "request/arena.h"
#include "request/json_reader.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace epp::request {

/// First byte in [p, end) that a JSON string treats specially: a quote, a backslash or a control character; `end` if
/// none. Sets `non_ascii` (never clears it) if a byte >= 0x80 stands before it.
const char* find_string_special(const char* p, const char* end, bool& non_ascii);

bool is_valid_utf8(std::string_view text);

/// Decodes escapes; every invalid UTF-8 byte and every lone surrogate becomes U+FFFD. The result is `string.raw` itself
/// whenever that is equal, else bytes in `arena`.
std::string_view decode_string(const JsonString& string, Arena& arena);
void append_decoded(std::string& out, const JsonString& string);

enum class HtmlEscape : bool { kNo, kYes };

/// Appends `text` as a JSON string literal with quotes. With kYes `<`, `>`, `&`, U+2028 and U+2029 are escaped, as Go
/// does by default. Invalid UTF-8 becomes \ufffd.
void append_json_string(std::string& out, std::string_view text, HtmlEscape html);

/// The double nearest to a JSON number literal; infinity if none is near enough, (signed) zero if it is too small.
double parse_double(std::string_view literal);

/// Appends the shortest decimal form that reads back equal, as Go's encoding/json prints a float64: plain from 1e-6 up
/// to 1e21, else with an exponent ("1e+21", "1e-7").
void append_double(std::string& out, double value);

/// Field names of typed structures match keys without regard to case, as Go's decoder does (U+017F matches s and
/// U+212A matches k). `name` is lower-case ASCII.
bool key_matches(std::string_view key, std::string_view name);

}  // namespace epp::request
