#include "config/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace epp::config {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

struct Scale {
  int binary_exponent = 0;   // factor 2^n
  int decimal_exponent = 0;  // factor 10^n
};

std::optional<Scale> parse_suffix(std::string_view suffix) {
  struct Known {
    std::string_view text;
    Scale scale;
  };
  static constexpr std::array<Known, 16> kKnown{{{"", {0, 0}},
                                                 {"n", {0, -9}},
                                                 {"u", {0, -6}},
                                                 {"m", {0, -3}},
                                                 {"k", {0, 3}},
                                                 {"M", {0, 6}},
                                                 {"G", {0, 9}},
                                                 {"T", {0, 12}},
                                                 {"P", {0, 15}},
                                                 {"E", {0, 18}},
                                                 {"Ki", {10, 0}},
                                                 {"Mi", {20, 0}},
                                                 {"Gi", {30, 0}},
                                                 {"Ti", {40, 0}},
                                                 {"Pi", {50, 0}},
                                                 {"Ei", {60, 0}}}};
  for (const auto& known : kKnown) {
    if (known.text == suffix) return known.scale;
  }
  if (suffix.front() != 'e' && suffix.front() != 'E') return std::nullopt;
  std::string_view digits = suffix.substr(1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  int exponent = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return Scale{0, exponent};
}

// The digits of a number d1 d2 ... x 10^exponent as an integer, rounded up when digits are cut off.
struct Magnitude {
  std::uint64_t value = 0;
  bool rounded = false;
  bool overflow = false;
};

Magnitude scaled(const std::string& digits, long point, Scale scale) {
  __extension__ using Wide = unsigned __int128;
  constexpr Wide kLimit = static_cast<Wide>(kMax);
  Magnitude result;
  const auto first = std::min(digits.find_first_not_of('0'), digits.size());
  if (first == digits.size()) return result;
  // A binary factor is applied to the digits first, as numerator over 10^(digits after the point); 18 significant
  // digits times 2^60 fit into 128 bits, later digits only decide about rounding.
  constexpr std::size_t kSignificant = 18;
  const std::string_view significant = std::string_view(digits).substr(first, kSignificant + 1);
  const std::string_view tail = std::string_view(digits).substr(std::min(first + significant.size(), digits.size()));
  Wide numerator = 0;
  for (const char digit : significant)
    numerator = numerator * 10 + static_cast<Wide>(digit - '0');
  const bool cut = tail.find_first_not_of('0') != std::string_view::npos;
  long exponent = point - static_cast<long>(first + significant.size()) + scale.decimal_exponent;
  numerator <<= scale.binary_exponent;
  for (; exponent > 0; --exponent) {
    numerator *= 10;
    if (numerator > kLimit) break;
  }
  bool remainder = cut;
  for (; exponent < 0 && numerator != 0; ++exponent) {
    remainder = remainder || numerator % 10 != 0;
    numerator /= 10;
  }
  if (remainder) ++numerator;
  result.rounded = remainder;
  result.overflow = numerator > kLimit;
  result.value = static_cast<std::uint64_t>(result.overflow ? kLimit : numerator);
  return result;
}

}  // namespace

std::variant<Quantity, QuantityError> parse_quantity(std::string_view text) {
  static constexpr std::string_view kMalformed =
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  std::string_view rest = text;
  bool negative = false;
  if (rest.starts_with('-') || rest.starts_with('+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  const auto number_end = std::min(rest.find_first_not_of("0123456789."), rest.size());
  const std::string_view number = rest.substr(0, number_end);
  const std::string_view suffix = rest.substr(number_end);
  std::string digits;
  std::size_t points = 0;
  long point = static_cast<long>(number.size());
  for (const char c : number) {
    if (c != '.') {
      digits += c;
    } else if (points++ == 0) {
      point = static_cast<long>(digits.size());
    }
  }
  if (digits.empty() || points > 1) return QuantityError{std::string(kMalformed)};
  if (points == 0) point = static_cast<long>(digits.size());

  auto tail = suffix.substr(std::min(suffix.find_first_not_of("eEinumkKMGTP"), suffix.size()));
  if (tail.starts_with('-') || tail.starts_with('+')) tail.remove_prefix(1);
  if (tail.find_first_not_of("0123456789") != std::string_view::npos) return QuantityError{std::string(kMalformed)};
  const auto scale = parse_suffix(suffix);
  if (!scale) return QuantityError{"unable to parse quantity's suffix"};

  const Magnitude magnitude = scaled(digits, point, *scale);
  const auto value = static_cast<std::int64_t>(magnitude.value);
  return Quantity{negative ? -value : value, !magnitude.rounded && !magnitude.overflow};
}

std::variant<std::int64_t, QuantityError> parse_size(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const auto begin = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(begin);
  text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  if (text.size() > 1 && (text.back() == 'B' || text.back() == 'b')) text.remove_suffix(1);
  const auto parsed = parse_quantity(text);
  if (const auto* error = std::get_if<QuantityError>(&parsed)) return *error;
  const auto quantity = std::get<Quantity>(parsed);
  if (quantity.value < 0) return QuantityError{"must be non-negative"};
  if (!quantity.exact) return QuantityError{"must be an integer number of bytes that fits int64"};
  return quantity.value;
}

}  // namespace epp::config
