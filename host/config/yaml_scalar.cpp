#include "config/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace epp::config {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 5> kNulls{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 6> kInfinity{".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"};
constexpr std::array<std::string_view, 3> kMinusInfinity{"-.inf", "-.Inf", "-.INF"};
constexpr std::array<std::string_view, 3> kNan{".nan", ".NaN", ".NAN"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view strip_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

// `plain` has no '_' any more. Absent when it is no integer or does not fit.
std::optional<Scalar> parse_integer(std::string_view plain) {
  const bool negative = plain.starts_with('-');
  std::string_view digits = strip_sign(plain);
  int base = 10;
  if (digits.size() > 1 && digits.front() == '0') {
    const char kind = digits[1];
    base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
    digits.remove_prefix(base != 8 || kind == 'o' || kind == 'O' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  constexpr std::uint64_t kMinMagnitude = std::uint64_t{1} << 63;
  if (negative) {
    if (magnitude > kMinMagnitude) return std::nullopt;
    return Scalar(static_cast<std::int64_t>(0 - magnitude));
  }
  if (magnitude < kMinMagnitude) return Scalar(static_cast<std::int64_t>(magnitude));
  if (plain.starts_with('+')) return std::nullopt;
  return Scalar(magnitude);
}

// [-+]? ( .digits | digits [. digits?] ) ( [eE] [-+]? digits )?
bool is_float(std::string_view text) {
  text = strip_sign(text);
  const auto skip_digits = [&text] {
    const auto count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const auto whole = skip_digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (skip_digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  text = strip_sign(text);
  return skip_digits() != 0 && text.empty();
}

// Absent when the number is beyond a double: it then stays a string.
std::optional<double> parse_float(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (failure == std::errc::result_out_of_range) {
    // from_chars says the same of an underflow, which is zero.
    const auto exponent = text.find_first_of("eE");
    if (exponent != std::string_view::npos && exponent + 1 < text.size() && text[exponent + 1] == '-') return 0.0;
    return std::nullopt;
  }
  if (failure != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

Scalar normalise_number(double value) {
  // Beyond 2^53 the digits of an integral double are still exact; JSON encoders switch to exponents at 1e21 only.
  if (value == std::trunc(value)) {
    if (value >= -0x1p63 && value < 0x1p63) return static_cast<std::int64_t>(value);
    if (value >= 0 && value < 0x1p64) return static_cast<std::uint64_t>(value);
  }
  return value;
}

Scalar resolve_plain_scalar(std::string_view text) {
  if (is_one_of(text, kNulls)) return std::monostate{};
  if (is_one_of(text, kTrue)) return true;
  if (is_one_of(text, kFalse)) return false;
  if (is_one_of(text, kInfinity)) return std::numeric_limits<double>::infinity();
  if (is_one_of(text, kMinusInfinity)) return -std::numeric_limits<double>::infinity();
  if (is_one_of(text, kNan)) return std::numeric_limits<double>::quiet_NaN();

  const char first = text.front();
  if (first == '.' && is_float(text)) {
    if (const auto value = parse_float(text)) return normalise_number(*value);
  }
  if (is_digit(first) || first == '-' || first == '+') {
    std::string plain(text);
    std::erase(plain, '_');
    if (const auto integer = parse_integer(plain)) return *integer;
    if (is_float(plain)) {
      if (const auto value = parse_float(plain)) return normalise_number(*value);
    }
  }
  return std::string(text);
}

}  // namespace epp::config
