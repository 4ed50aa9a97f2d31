#include "unit/plugins_flowcontrol/band_stage.h"

#include <algorithm>
#include <stdexcept>

namespace epp::testing {

BandStage::BandStage(PluginHarness& host, plugins::InstancePtr fairness, plugins::InstancePtr ordering)
    : host_(host),
      fairness_(std::move(fairness)),
      ordering_(std::move(ordering)),
      band_(plugins::open_fairness_band(*fairness_, 0, error_)) {}

BandStage::~BandStage() {
  plugins::close_fairness_band(*fairness_, band_);
}

BandStage::Flow& BandStage::flow(const std::string& id) {
  std::unique_ptr<Flow>& found = flows_[id];
  if (found != nullptr) return *found;
  found = std::make_unique<Flow>();
  found->id = id;
  const auto free = std::find(by_index_.begin(), by_index_.end(), nullptr);
  const auto index = static_cast<uint32_t>(free - by_index_.begin());
  if (free == by_index_.end()) by_index_.push_back(nullptr);
  by_index_[index] = found.get();
  epp_flow& abi = found->abi;
  abi.size = sizeof abi;
  abi.index = index;
  abi.id = {found->id.data(), found->id.size()};
  abi.weight = 1;
  plugins::tell_flow_added(*fairness_, band_, abi);
  return *found;
}

void BandStage::update_head(Flow& changed) {
  epp_flow& abi = changed.abi;
  abi.length = changed.queue.size();
  const epp_queued_request* head = changed.queue.empty() ? nullptr : &changed.queue.begin()->second;
  if (head == abi.head && head == nullptr) return;
  abi.head = head;
  if (head != nullptr) {
    abi.head_key = changed.queue.begin()->first.first;
    abi.head_arrival = changed.queue.begin()->first.second;
  }
  plugins::tell_head_changed(*fairness_, band_, abi);
}

void BandStage::enqueue(const std::string& id, int64_t cost, double weight) {
  flow(id).abi.weight = weight;
  epp_queued_request item{};
  item.cost = cost;
  item.enqueued_ns = item.received_ns = host_.now_ns();
  item.deadline_ns = EPP_NEVER_NS;
  enqueue(id, item);
}

void BandStage::enqueue(const std::string& id, epp_queued_request item) {
  Flow& into = flow(id);
  item.size = sizeof item;
  const uint64_t arrival = ++arrivals_;
  const auto key = ordering_ != nullptr ? plugins::run_ordering_key(*ordering_, item, error_) : int64_t{0};
  const auto at = into.queue.emplace(std::pair(key, arrival), item).first;
  ++waiting_;
  if (at == into.queue.begin()) update_head(into);
}

std::string BandStage::dispatch() {
  if (waiting_ == 0) return {};
  uint32_t index = 0;
  if (!plugins::run_fairness_pick(*fairness_, band_, host_.now_ns(), error_, index)) return "unusable";
  Flow* picked = index < by_index_.size() ? by_index_[index] : nullptr;
  if (!plugins::judge_pick(*fairness_, picked != nullptr && picked->abi.head != nullptr)) return "unusable";
  last_ = picked->queue.begin()->second;
  picked->queue.erase(picked->queue.begin());
  --waiting_;
  update_head(*picked);
  plugins::tell_charged(*fairness_, band_, picked->abi, EPP_CHARGE_DISPATCH, last_.cost);
  return picked->id;
}

std::string BandStage::dispatches(int n) {
  std::string ids;
  for (int i = 0; i < n; ++i)
    ids += dispatch();
  return ids;
}

void BandStage::settle(const std::string& id, int64_t tokens) {
  plugins::tell_charged(*fairness_, band_, flow(id).abi, EPP_CHARGE_SETTLE, tokens);
}

void BandStage::forget(const std::string& id) {
  Flow& gone = flow(id);
  if (gone.abi.head != nullptr) throw std::runtime_error("flow " + id + " is active");
  plugins::tell_flow_removed(*fairness_, band_, gone.abi);
  by_index_[gone.abi.index] = nullptr;
  flows_.erase(id);
}

}  // namespace epp::testing
