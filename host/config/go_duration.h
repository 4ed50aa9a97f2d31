// Durations as upstream writes them: "60s", "1m30s", "1.5h", "-1s", "0".
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

namespace epp::config {

struct DurationError {
  std::string text;  // e.g. `time: missing unit in duration "60"`
};

// Units ns, us, µs, ms, s, m, h; a sign and fractions are allowed; only "0" may lack a unit.
std::variant<std::chrono::nanoseconds, DurationError> parse_duration(std::string_view text);

// The shortest usual form: "1m30s", "2.5s", "50ms", "0s".
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace epp::config
