// round-robin-fairness-policy: the active flows of a band take turns, one request each, in the order of their ids.
#include "turn_order.h"

#include <epp/plugin.hpp>

#include <memory>

namespace {

class Band {
 public:
  void flow_added(const epp_flow& flow) { turns_.add(flow.index, epp::sdk::view(flow.id)); }
  void flow_removed(const epp_flow& flow) { turns_.remove(flow.index); }
  void head_changed(const epp_flow& flow) { turns_.set_active(flow.index, flow.head != nullptr); }

  uint32_t pick(uint64_t) {
    const uint32_t flow = turns_.next();
    if (flow == epp::builtin::TurnOrder::kNone) throw epp::sdk::Error("no flow is active");
    return flow;
  }

 private:
  epp::builtin::TurnOrder turns_;
};

class RoundRobin {
 public:
  explicit RoundRobin(epp::sdk::Context&) {}
  std::unique_ptr<Band> open_band(int32_t) const { return std::make_unique<Band>(); }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<RoundRobin>({
    .name = "round-robin-fairness-policy",
    .description = "Lets the flows of a priority band take turns",
}))
