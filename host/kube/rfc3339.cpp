#include "kube/rfc3339.h"

#include <chrono>
#include <cstddef>

namespace epp::kube {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly `digits` digits; -1 when there are fewer.
  int number(std::size_t digits) {
    if (rest_.size() < digits) return -1;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest_[i])) return -1;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  bool mark(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // The digits after the point as nanoseconds; -1 when there are none or more than nine.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); ++digits) {
      if (digits == 9) return -1;
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0) return -1;
    for (; digits < 9; ++digits)
      value *= 10;
    return value;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
};

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  Scanner in(text);
  const int y = in.number(4);
  if (y < 1678 || y > 2261 || !in.mark('-')) return std::nullopt;
  const int m = in.number(2);
  if (m < 1 || !in.mark('-')) return std::nullopt;
  const int d = in.number(2);
  if (d < 1 || !(in.mark('T') || in.mark('t'))) return std::nullopt;
  const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return std::nullopt;

  const int hour = in.number(2);
  if (hour < 0 || hour > 23 || !in.mark(':')) return std::nullopt;
  const int minute = in.number(2);
  if (minute < 0 || minute > 59 || !in.mark(':')) return std::nullopt;
  const int second = in.number(2);
  if (second < 0 || second > 60) return std::nullopt;  // 60: a leap second
  std::int64_t fraction = 0;
  if (in.mark('.') && (fraction = in.fraction()) < 0) return std::nullopt;

  int offset = 0;  // minutes
  if (!in.mark('Z') && !in.mark('z')) {
    const int sign = in.mark('-') ? -1 : 1;
    if (sign == 1 && !in.mark('+')) return std::nullopt;
    const int hours = in.number(2);
    if (hours < 0 || hours > 23 || !in.mark(':')) return std::nullopt;
    const int minutes = in.number(2);
    if (minutes < 0 || minutes > 59) return std::nullopt;
    offset = sign * (hours * 60 + minutes);
  }
  if (!in.done()) return std::nullopt;

  const auto since = sys_days(date).time_since_epoch() + hours{hour} + minutes{minute - offset} + seconds{second};
  return duration_cast<nanoseconds>(since).count() + fraction;
}

}  // namespace epp::kube
