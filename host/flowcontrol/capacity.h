// How much of the queue is used, against its limits. Filling a limit exactly is allowed.
#pragma once

#include <algorithm>
#include <cstdint>

namespace epp::flowcontrol {

struct Totals {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t item_bytes) {
    ++requests;
    bytes += item_bytes;
  }
  void subtract(std::uint64_t item_bytes) {
    --requests;
    bytes -= item_bytes;
  }
};

// 0: no limit.
struct Limits {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};

// What would have to leave so that one more request of `item_bytes` fits.
inline Totals excess(const Totals& used, const Limits& limits, std::uint64_t item_bytes) {
  const auto beyond = [](std::uint64_t amount, std::uint64_t more, std::uint64_t limit) -> std::uint64_t {
    if (limit == 0) return 0;
    const std::uint64_t room = limit - std::min(amount, limit);
    return more > room ? more - room : 0;
  };
  return {beyond(used.requests, 1, limits.requests), beyond(used.bytes, item_bytes, limits.bytes)};
}

inline bool fits(const Totals& used, const Limits& limits, std::uint64_t item_bytes) {
  const Totals over = excess(used, limits, item_bytes);
  return over.requests == 0 && over.bytes == 0;
}

}  // namespace epp::flowcontrol
