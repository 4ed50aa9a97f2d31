// Flows among which one fairness policy chooses, with their requests. A band has one lane, or one for each need when
// every stage of the pool has its own gate.
#pragma once

#include "flowcontrol/flow.h"
#include "flowcontrol/flow_index.h"
#include "flowcontrol/options.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace epp::plugins {
class ErrorBuffer;
}

namespace epp::flowcontrol {

class Lane {
 public:
  // Tells of a flow that is about to be forgotten.
  using Farewell = std::function<void(const Flow&)>;

  // `options` and `farewell` outlive the lane.
  Lane(const BandOptions& options, std::uint64_t max_flows, const Farewell& farewell, plugins::ErrorBuffer& error);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // ---- flows ----
  // The flow of `id`, made if need be. When there are `max_flows` already, the one that has been idle the longest makes
  // room; when none is idle the flow "other" is given.
  Flow& flow(std::string_view id, double weight, Nanos now);
  void join(Flow& flow);              // one user more
  void leave(Flow& flow, Nanos now);  // one less
  // The flow that has been idle the longest, or null.
  const Flow* idlest() const { return idle_.front(); }
  void forget_idlest();
  bool knows(std::string_view id) const { return by_id_.find(id) != nullptr; }
  std::uint64_t flow_count() const { return by_id_.size(); }
  std::uint64_t active_count() const { return active_; }
  const std::vector<const epp_flow*>& flows() const { return flows_; }  // by index, null where unused

  // ---- requests ----
  // Computes the sort key. The item's flow is one of this lane.
  void insert(Item& item);
  void remove(Item& item);
  // The one that goes next; null when none waits. A policy that fails is replaced by the order of arrival.
  Item* pick(Nanos now);
  void charge(const Flow& flow, std::uint32_t kind, std::int64_t tokens);

  bool empty() const { return arrivals_.empty(); }
  Item* oldest() const { return arrivals_.front(); }
  Item* newest() const { return arrivals_.back(); }
  static Item* after(const Item& item) { return decltype(arrivals_)::after(item); }  // in the order of arrival

 private:
  Flow& make_flow(std::string_view id);
  void refresh_head(Flow& flow);

  const BandOptions& options_;
  const std::uint64_t max_flows_;
  const Farewell& farewell_;
  plugins::ErrorBuffer& error_;
  void* policy_ = nullptr;                         // state of the fairness policy
  const plugins::Instance* comparator_ = nullptr;  // of the ordering policy, where keys are not enough

  FlowIndex by_id_;
  std::vector<const epp_flow*> flows_;
  std::vector<std::uint32_t> free_indices_;
  IntrusiveList<Flow, &Flow::by_idleness> idle_;  // the longest first
  IntrusiveList<Item, &Item::by_arrival> arrivals_;
  std::uint64_t active_ = 0;  // flows with waiting requests
};

}  // namespace epp::flowcontrol
