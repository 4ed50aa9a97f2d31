// JSON text written straight into a string, for the bodies and lines that this room emits. Any bytes are
// accepted: what is not UTF-8 becomes U+FFFD, so that the result is always valid JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace epp::telemetry {

/// Appends `text` quoted and escaped.
void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest decimal that reads back as `value`; NaN and infinities as the strings "NaN", "+Inf", "-Inf".
void append_json_number(std::string& out, double value);

/// Appends `bytes` as lower-case hexadecimal.
void append_hex(std::string& out, const std::uint8_t* bytes, std::size_t size);

/// Whether `text` is UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string to_utf8(std::string_view text);

}  // namespace epp::telemetry
