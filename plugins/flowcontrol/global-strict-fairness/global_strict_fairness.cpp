// global-strict-fairness-policy: all flows of a band as one queue, in the order that the ordering policy gives.
#include "../../common/flow_heap.h"

#include <epp/plugin.hpp>

#include <memory>

namespace {

class Band {
 public:
  void head_changed(const epp_flow& flow) { heap_.update(flow); }
  uint32_t pick(uint64_t) const {
    if (heap_.empty()) throw epp::sdk::Error("no flow is active");
    return heap_.top();
  }

 private:
  epp::builtin::FlowHeap heap_;
};

class GlobalStrict {
 public:
  explicit GlobalStrict(epp::sdk::Context&) {}
  std::unique_ptr<Band> open_band(int32_t) const { return std::make_unique<Band>(); }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<GlobalStrict>({
    .name = "global-strict-fairness-policy",
    .description = "Serves all flows of a priority band as one queue",
}))
