// fcfs-ordering-policy: first come, first served.
#include <epp/plugin.hpp>

namespace {

class FirstComeFirstServed {
 public:
  explicit FirstComeFirstServed(epp::sdk::Context&) {}

  int64_t order_key(const epp::sdk::QueuedRequest& request) const {
    return static_cast<int64_t>(request.enqueued_ns());
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<FirstComeFirstServed>({
    .name = "fcfs-ordering-policy",
    .description = "Orders the requests of a flow by their arrival",
}))
