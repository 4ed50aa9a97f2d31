// sheddable-eviction-filter: only requests of negative priority may be stopped.
#include <epp/plugin.hpp>

namespace {

class Sheddable {
 public:
  explicit Sheddable(epp::sdk::Context&) {}
  bool accept_eviction(const epp_running_request& request) const { return request.priority < 0; }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<Sheddable>({
    .name = "sheddable-eviction-filter",
    .description = "Lets requests of negative priority be evicted",
    .stability = EPP_STABILITY_ALPHA,
}))
