#include "config/flag_values.h"

#include "config/go_duration.h"
#include "config/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <variant>

namespace epp::config {
namespace {

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

enum class Number { kGood, kMalformed, kOutOfRange };

Number parse_number(std::string_view text, int base, std::int64_t& out) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::string digits;
  if (base == 0) {
    base = 10;
    if (text.size() > 1 && text.front() == '0') {
      const char kind = text[1];
      base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
      text.remove_prefix(base != 8 || kind == 'o' || kind == 'O' ? 2 : 1);
      // Only between digits, or between the prefix and a digit.
      if (text.ends_with('_') || text.find("__") != std::string_view::npos) return Number::kMalformed;
      for (const char c : text) {
        if (c != '_') digits += c;
      }
      text = digits;
    }
  }
  std::uint64_t magnitude = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (failure == std::errc::result_out_of_range) return Number::kOutOfRange;
  if (failure != std::errc{} || end != text.data() + text.size()) return Number::kMalformed;
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (magnitude > kLimit || (magnitude == kLimit && !negative)) return Number::kOutOfRange;
  out = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return Number::kGood;
}

Refusal number_refusal(std::string_view function, std::string_view text, Number outcome) {
  return std::string(function) + ": parsing " + quoted(text) + ": " +
         (outcome == Number::kMalformed ? "invalid syntax" : "value out of range");
}

Refusal port_range(std::int64_t value) {
  if (value >= 0 && value <= 65535) return std::nullopt;
  return "port " + std::to_string(value) + " is not from 0 to 65535";
}

}  // namespace

Refusal parse_flag(const std::string& text, bool& out) {
  static constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "TRUE", "true", "True"};
  static constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "FALSE", "false", "False"};
  const bool is_true = std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end();
  if (!is_true && std::find(kFalse.begin(), kFalse.end(), text) == kFalse.end()) {
    return "strconv.ParseBool: parsing " + quoted(text) + ": invalid syntax";
  }
  out = is_true;
  return std::nullopt;
}

Refusal parse_flag(const std::string& text, std::int64_t& out) {
  const Number outcome = parse_number(text, 0, out);
  return outcome == Number::kGood ? std::nullopt : number_refusal("strconv.ParseInt", text, outcome);
}

Refusal parse_flag(const std::string& text, std::uint16_t& out) {
  std::int64_t value = 0;
  if (auto refusal = parse_flag(text, value)) return refusal;
  if (auto refusal = port_range(value)) return refusal;
  out = static_cast<std::uint16_t>(value);
  return std::nullopt;
}

Refusal parse_flag(const std::string& text, std::chrono::nanoseconds& out) {
  const auto parsed = parse_duration(text);
  if (const auto* failure = std::get_if<DurationError>(&parsed)) return failure->text;
  out = std::get<std::chrono::nanoseconds>(parsed);
  return std::nullopt;
}

Refusal parse_size_flag(const std::string& text, std::int64_t& out) {
  if (text.empty()) {
    out = 0;
    return std::nullopt;
  }
  const auto parsed = parse_size(text);
  if (const auto* failure = std::get_if<QuantityError>(&parsed)) return failure->text;
  out = std::get<std::int64_t>(parsed);
  return std::nullopt;
}

Refusal parse_ports_flag(const std::string& text, std::vector<std::uint16_t>& out) {
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    std::int64_t value = 0;
    if (const Number outcome = parse_number(item, 10, value); outcome != Number::kGood) {
      return number_refusal("strconv.Atoi", item, outcome);
    }
    if (auto refusal = port_range(value)) return refusal;
    if (value == 0) return "port 0 is not from 1 to 65535";
    const auto port = static_cast<std::uint16_t>(value);
    if (std::find(out.begin(), out.end(), port) == out.end()) out.push_back(port);
    if (comma == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace epp::config
