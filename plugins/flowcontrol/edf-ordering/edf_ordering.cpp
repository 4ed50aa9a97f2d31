// edf-ordering-policy: earliest deadline first.
#include <epp/plugin.hpp>

#include <algorithm>
#include <limits>

namespace {

class EarliestDeadlineFirst {
 public:
  explicit EarliestDeadlineFirst(epp::sdk::Context&) {}

  // Requests that wait for ever come last.
  int64_t order_key(const epp::sdk::QueuedRequest& request) const {
    constexpr auto kLast = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return static_cast<int64_t>(std::min(request.deadline_ns(), kLast));
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<EarliestDeadlineFirst>({
    .name = "edf-ordering-policy",
    .description = "Orders the requests of a flow by the end of their time to live",
}))
