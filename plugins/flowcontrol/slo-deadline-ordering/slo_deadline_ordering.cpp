// slo-deadline-ordering-policy: the earliest deadline for the first token goes first, as the client's header sets it.
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
// Deadlines stand below, requests without one above: in the order of their arrival.
constexpr int64_t kNoDeadline = kMax / 2;
constexpr int64_t kMaxMilliseconds = kMax / 1'000'000;

// A whole number of milliseconds >= 0.
std::optional<int64_t> parse_milliseconds(std::string_view text) {
  text = epp::builtin::trim(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < 0 || value > kMaxMilliseconds) return std::nullopt;
  return value;
}

class SloDeadline {
 public:
  explicit SloDeadline(epp::sdk::Context&) {}

  int64_t order_key(const epp::sdk::QueuedRequest& request) const {
    const auto received = static_cast<int64_t>(std::min<uint64_t>(request.received_ns(), kNoDeadline));
    std::string_view slo = request.header("x-llm-d-slo-ttft-ms");
    if (slo.data() == nullptr) slo = request.header("x-slo-ttft-ms");
    const std::optional<int64_t> milliseconds = parse_milliseconds(slo);
    if (!milliseconds) return kNoDeadline + received;
    return received + std::min(*milliseconds * 1'000'000, kNoDeadline - 1 - received);
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<SloDeadline>({
    .name = "slo-deadline-ordering-policy",
    .description = "Orders the requests of a flow by arrival plus the time to first token that the client asks for",
}))
