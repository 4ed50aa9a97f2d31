#include "flowcontrol/lane.h"

#include "plugins/flow_hooks.h"

#include <utility>

namespace epp::flowcontrol {
namespace {

// Where requests of too many fairness ids queue together.
constexpr std::string_view kOther = "other";

Flow& from_abi(const epp_flow* flow) {
  return const_cast<Flow&>(static_cast<const Flow&>(*flow));
}

}  // namespace

Lane::Lane(const BandOptions& options, std::uint64_t max_flows, const Farewell& farewell, plugins::ErrorBuffer& error)
    : options_(options), max_flows_(max_flows), farewell_(farewell), error_(error) {
  policy_ = plugins::open_fairness_band(*options_.fairness, options_.priority, error_);
  if (plugins::has_comparator(*options_.ordering)) comparator_ = options_.ordering.get();
}

Lane::~Lane() {
  plugins::close_fairness_band(*options_.fairness, policy_);
}

Flow& Lane::make_flow(std::string_view id) {
  auto flow = std::make_unique<Flow>(std::string(id), comparator_);
  flow->size = sizeof(epp_flow);
  flow->id = {flow->id_text.data(), flow->id_text.size()};
  flow->weight = 1;
  flow->lane = this;
  if (free_indices_.empty()) {
    flow->index = static_cast<std::uint32_t>(flows_.size());
    flows_.push_back(flow.get());
  } else {
    flow->index = free_indices_.back();
    free_indices_.pop_back();
    flows_[flow->index] = flow.get();
  }
  return by_id_.insert(std::move(flow));
}

Flow& Lane::flow(std::string_view id, double weight, Nanos now) {
  Flow* found = by_id_.find(id);
  if (found == nullptr && max_flows_ != 0 && by_id_.size() >= max_flows_) {
    if (!idle_.empty()) {
      forget_idlest();
    } else {
      id = kOther;
      weight = 1;
      found = by_id_.find(id);
    }
  }
  if (found != nullptr) {
    found->weight = weight;
    return *found;
  }
  Flow& made = make_flow(id);
  made.weight = weight;
  made.idle_since = now;
  idle_.push_back(made);
  plugins::tell_flow_added(*options_.fairness, policy_, made);
  return made;
}

void Lane::join(Flow& flow) {
  if (flow.users++ == 0) idle_.remove(flow);
}

void Lane::leave(Flow& flow, Nanos now) {
  if (--flow.users != 0) return;
  flow.idle_since = now;
  idle_.push_back(flow);
}

void Lane::forget_idlest() {
  Flow& flow = *idle_.front();
  idle_.remove(flow);
  plugins::tell_flow_removed(*options_.fairness, policy_, flow);
  farewell_(flow);
  flows_[flow.index] = nullptr;
  free_indices_.push_back(flow.index);
  by_id_.erase(flow);
}

void Lane::refresh_head(Flow& flow) {
  const Item* const head = flow.queue.front();
  if (head == nullptr) {
    flow.head = nullptr;
    flow.head_key = 0;
    flow.head_arrival = 0;
  } else {
    flow.head = &head->shown;
    flow.head_key = head->key;
    flow.head_arrival = head->arrival;
  }
  plugins::tell_head_changed(*options_.fairness, policy_, flow);
}

void Lane::insert(Item& item) {
  Flow& flow = *item.flow;
  item.key = plugins::run_ordering_key(*options_.ordering, item.shown, error_);
  if (flow.queue.empty()) ++active_;
  flow.queue.push(item);
  arrivals_.push_back(item);
  ++flow.length;
  flow.bytes += item.bytes();
  if (flow.queue.front() == &item) refresh_head(flow);
}

void Lane::remove(Item& item) {
  Flow& flow = *item.flow;
  const bool was_head = flow.queue.front() == &item;
  flow.queue.remove(item);
  arrivals_.remove(item);
  --flow.length;
  flow.bytes -= item.bytes();
  if (flow.queue.empty()) --active_;
  if (was_head) refresh_head(flow);
}

Item* Lane::pick(Nanos now) {
  if (arrivals_.empty()) return nullptr;
  std::uint32_t index = 0;
  if (plugins::run_fairness_pick(*options_.fairness, policy_, now, error_, index)) {
    const bool active = index < flows_.size() && flows_[index] != nullptr && flows_[index]->head != nullptr;
    if (plugins::judge_pick(*options_.fairness, active)) return from_abi(flows_[index]).queue.front();
  }
  return arrivals_.front();
}

void Lane::charge(const Flow& flow, std::uint32_t kind, std::int64_t tokens) {
  plugins::tell_charged(*options_.fairness, policy_, flow, kind, tokens);
}

}  // namespace epp::flowcontrol
