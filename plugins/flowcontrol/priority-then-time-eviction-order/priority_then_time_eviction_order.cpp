// priority-then-time-eviction-order-policy: the lowest priority is stopped first, then what was dispatched last.
#include <epp/plugin.hpp>

namespace {

class PriorityThenTime {
 public:
  explicit PriorityThenTime(epp::sdk::Context&) {}
  bool evict_before(const epp_running_request& a, const epp_running_request& b) const {
    if (a.priority != b.priority) return a.priority < b.priority;
    return a.dispatched_ns > b.dispatched_ns;
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<PriorityThenTime>({
    .name = "priority-then-time-eviction-order-policy",
    .description = "Evicts the lowest priority first, then the latest dispatch",
    .stability = EPP_STABILITY_ALPHA,
}))
