// Durations as Go writes them: "200ms", "1m30s", "1.5h".
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace epp::builtin {

// Nanoseconds; nullopt for text that is not a duration.
inline std::optional<int64_t> parse_go_duration(std::string_view text) {
  // Longer suffixes first.
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"ns", 1},
                                                                       {"us", 1e3},
                                                                       {"\u00b5s", 1e3},
                                                                       {"\u03bcs", 1e3},
                                                                       {"ms", 1e6},
                                                                       {"s", 1e9},
                                                                       {"m", 60e9},
                                                                       {"h", 3600e9}}};
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const std::pair<std::string_view, double>* unit = nullptr;
    for (const auto& candidate : kUnits) {
      if (text.starts_with(candidate.first)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->first.size());
    total += value * unit->second;
  }
  if (!(total < 9.2e18)) return std::nullopt;
  const auto ns = static_cast<int64_t>(std::llround(total));
  return negative ? -ns : ns;
}

}  // namespace epp::builtin
