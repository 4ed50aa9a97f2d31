// What a plain YAML scalar means, by YAML 1.1 as the Go ecosystem's YAML-to-JSON step reads it. The table:
//   null    (empty) ~ null Null NULL
//   true    y Y yes Yes YES on On ON true True TRUE        false  n N no No NO off Off OFF false False FALSE
//   integer [-+] decimal, 0b binary, 0o or leading 0 octal, 0x hexadecimal; '_' between digits is dropped
//   float   [-+] digits with a point and/or exponent, and integers that do not fit; .inf and .nan in three spellings
//   string  everything else; dates and base-60 numbers too
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace epp::config {

// monostate is null. Non-negative integers above int64 are uint64.
using Scalar = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>;

// The value of a scalar without a tag and without quotes.
Scalar resolve_plain_scalar(std::string_view text);

// A number of JSON: floats without a fraction become integers where they fit, as a JSON encoder writes them.
Scalar normalise_number(double value);

}  // namespace epp::config
