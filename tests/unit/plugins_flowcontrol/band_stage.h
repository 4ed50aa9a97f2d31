// One priority band around a fairness and an ordering policy, as the dispatcher keeps it.
//
//   BandStage band(host, fairness, ordering);
//   band.enqueue("a");
//   EXPECT_EQ(band.dispatch(), "a");
#pragma once

#include "plugins/flow_hooks.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace epp::testing {

class BandStage {
 public:
  // Without an ordering, requests go by arrival.
  BandStage(PluginHarness& host, plugins::InstancePtr fairness, plugins::InstancePtr ordering = nullptr);
  ~BandStage();
  BandStage(const BandStage&) = delete;
  BandStage& operator=(const BandStage&) = delete;

  // A request of `id` at the host's time.
  void enqueue(const std::string& id, int64_t cost = 1, double weight = 1);
  void enqueue(const std::string& id, epp_queued_request item);
  // Id of the flow whose head was dispatched and charged; "" when nothing waits, "unusable" when the pick is.
  std::string dispatch();
  // The ids of the next n dispatches, joined.
  std::string dispatches(int n);
  void settle(const std::string& id, int64_t tokens);
  // The flow, which must be idle, is forgotten.
  void forget(const std::string& id);
  // What was dispatched last.
  const epp_queued_request& last() const { return last_; }

 private:
  struct Flow {
    std::string id;
    epp_flow abi{};
    std::map<std::pair<int64_t, uint64_t>, epp_queued_request> queue;  // by key and arrival
  };
  Flow& flow(const std::string& id);
  void update_head(Flow& flow);

  PluginHarness& host_;
  plugins::InstancePtr fairness_;
  plugins::InstancePtr ordering_;
  plugins::ErrorBuffer error_;
  void* band_;
  std::map<std::string, std::unique_ptr<Flow>> flows_;
  std::vector<Flow*> by_index_;
  uint64_t arrivals_ = 0;
  size_t waiting_ = 0;
  epp_queued_request last_{};
};

}  // namespace epp::testing
