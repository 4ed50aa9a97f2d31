#include "config/go_duration.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

namespace epp::config {
namespace {

// Magnitudes are unsigned, so that the most negative duration can be written.
constexpr std::uint64_t kMaxMagnitude = std::uint64_t{1} << 63;

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"\xC2\xB5s", 1'000},  // micro sign
                                      {"\xCE\xBCs", 1'000},  // Greek mu
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::uint64_t> leading_integer(std::string_view& text) {
  std::uint64_t value = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (value > kMaxMagnitude / 10) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (value > kMaxMagnitude) return std::nullopt;
    text.remove_prefix(1);
  }
  return value;
}

struct Fraction {
  std::uint64_t value = 0;
  double scale = 1;
};

// Digits beyond what fits are skipped: they are below a nanosecond.
Fraction leading_fraction(std::string_view& text) {
  Fraction fraction;
  bool full = false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (full) continue;
    if (fraction.value > (kMaxMagnitude - 1) / 10) {
      full = true;
      continue;
    }
    fraction.value = fraction.value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    fraction.scale *= 10;
  }
  return fraction;
}

void trim_trailing_zeros(std::string& digits) {
  while (!digits.empty() && digits.back() == '0')
    digits.pop_back();
}

// `value` in units of 10^-`decimals`, e.g. (1500, 3) -> "1.5".
std::string decimal(std::uint64_t value, unsigned decimals) {
  std::string digits = std::to_string(value);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  std::string whole = digits.substr(0, digits.size() - decimals);
  std::string rest = digits.substr(digits.size() - decimals);
  trim_trailing_zeros(rest);
  return rest.empty() ? whole : whole + "." + rest;
}

}  // namespace

std::variant<std::chrono::nanoseconds, DurationError> parse_duration(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  const DurationError invalid{"time: invalid duration " + quoted};
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return invalid;

  std::uint64_t total = 0;
  while (!rest.empty()) {
    if (rest.front() != '.' && !is_digit(rest.front())) return invalid;
    const std::size_t before = rest.size();
    const auto whole = leading_integer(rest);
    if (!whole) return invalid;
    bool any_digit = rest.size() != before;
    Fraction fraction;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      const std::size_t after_point = rest.size();
      fraction = leading_fraction(rest);
      any_digit = any_digit || rest.size() != after_point;
    }
    if (!any_digit) return invalid;

    std::size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && !is_digit(rest[length]))
      ++length;
    if (length == 0) return DurationError{"time: missing unit in duration " + quoted};
    const std::string_view name = rest.substr(0, length);
    rest.remove_prefix(length);
    const Unit* unit = nullptr;
    for (const auto& known : kUnits) {
      if (known.name == name) unit = &known;
    }
    if (unit == nullptr) {
      return DurationError{"time: unknown unit \"" + std::string(name) + "\" in duration " + quoted};
    }
    if (*whole > kMaxMagnitude / unit->nanoseconds) return invalid;
    std::uint64_t part = *whole * unit->nanoseconds;
    if (fraction.value > 0) {
      const double share = static_cast<double>(unit->nanoseconds) / fraction.scale;
      part += static_cast<std::uint64_t>(static_cast<double>(fraction.value) * share);
      if (part > kMaxMagnitude) return invalid;
    }
    if (total > kMaxMagnitude - part) return invalid;
    total += part;
  }
  if (negative) return std::chrono::nanoseconds(static_cast<std::int64_t>(0 - total));
  if (total == kMaxMagnitude) return invalid;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  const std::string sign = count < 0 ? "-" : "";
  const std::uint64_t ns =
      count < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  if (ns < 1'000) return sign + std::to_string(ns) + "ns";
  if (ns < 1'000'000) return sign + decimal(ns, 3) + "\xC2\xB5s";
  if (ns < 1'000'000'000) return sign + decimal(ns, 6) + "ms";

  constexpr std::uint64_t kMinute = 60'000'000'000;
  const std::string seconds = decimal(ns % kMinute, 9) + "s";
  const std::uint64_t minutes = ns / kMinute;
  if (minutes == 0) return sign + seconds;
  const std::string tail = std::to_string(minutes % 60) + "m" + seconds;
  return minutes < 60 ? sign + tail : sign + std::to_string(minutes / 60) + "h" + tail;
}

}  // namespace epp::config
