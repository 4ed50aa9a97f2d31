// Kubernetes quantities: "1024", "1Gi", "500M", "1e3", "100m".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace epp::config {

struct Quantity {
  std::int64_t value = 0;  // rounded away from zero to an integer; held at the limit when it does not fit
  bool exact = true;       // an integer that fits
};

struct QuantityError {
  std::string text;
};

// [sign] digits [. digits] [suffix]; suffix: n u m k M G T P E, Ki Mi Gi Ti Pi Ei, e<int> or E<int>.
std::variant<Quantity, QuantityError> parse_quantity(std::string_view text);

// A size on the command line: blanks trimmed, one trailing B or b dropped, then a quantity that is an integer,
// not negative, and fits.
std::variant<std::int64_t, QuantityError> parse_size(std::string_view text);

}  // namespace epp::config
