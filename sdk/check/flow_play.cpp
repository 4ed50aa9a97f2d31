#include "check/flow_play.h"

#include "plugins/clock.h"

#include <algorithm>
#include <utility>

namespace epp::check {

namespace {

constexpr uint32_t kFlows = 24;
constexpr size_t kLongestQueue = 16;
constexpr Function kKey{EPP_EXT_ORDERING " key"};
constexpr Function kPick{EPP_EXT_FAIRNESS " pick"};

// A function that policies may leave out.
#define EPP_OPTIONAL(table, type, member) (EPP_HAS(table, type, member) ? (table)->member : nullptr)

}  // namespace

FlowPlay::FlowPlay(Stage& stage, plugins::InstancePtr instance, std::vector<std::string> words, uint64_t seed)
    : stage_(stage),
      instance_(std::move(instance)),
      words_(std::move(words)),
      random_(seed),
      meter_(stage.channel(), stage.type(), stage.options().budget_ms),
      flows_(kFlows) {
  meter_.scene(0, "flow control");
  for (uint32_t i = 0; i < kFlows; ++i) {
    Flow& flow = flows_[i];
    flow.id = "tenant-" + std::to_string(i);
    flow.abi.size = sizeof flow.abi;
    flow.abi.index = i;
    flow.abi.id = {flow.id.data(), flow.id.size()};
    flow.abi.weight = i % 3 == 0 ? 1 : 0.25 * (i + 1);
  }
}

FlowPlay::~FlowPlay() {
  close();
}

bool FlowPlay::any() const {
  const plugins::Instance& plugin = *instance_;
  return plugin.fairness != nullptr || plugin.ordering != nullptr || plugin.usage_limits != nullptr ||
         plugin.eviction_filter != nullptr || plugin.eviction_ordering != nullptr;
}

void FlowPlay::play(uint32_t steps) {
  if (!any()) return;
  const plugins::Instance& plugin = *instance_;
  const bool queues = plugin.ordering != nullptr || (plugin.fairness != nullptr && open());
  for (uint32_t i = 0; i < steps; ++i) {
    if (i % 64 == 0) stage_.clock().put_forward(random_.below(50'000'000));
    if (queues) {
      switch (random_.below(16)) {
        case 0:
          settle();
          break;
        case 1:
          remove_flow();
          break;
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
          pick();
          break;
        default:
          arrive();
          break;
      }
    }
    if (plugin.ordering != nullptr && i % 16 == 0) judge_orders();
    if (plugin.usage_limits != nullptr && i % 4 == 0) ask_ceilings();
    if ((plugin.eviction_filter != nullptr || plugin.eviction_ordering != nullptr) && i % 4 == 0) ask_evictions();
  }
}

// ---- the band ----

bool FlowPlay::open() {
  if (band_ != nullptr) return true;
  const Function function{EPP_EXT_FAIRNESS " open_band"};
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status = instance_->fairness->open_band(instance_->raw(), static_cast<int32_t>(random_.below(5)) - 2, &band_,
                                            meter_.error().next());
  });
  if (!returned || !meter_.judge_status(function, status)) return false;
  if (band_ == nullptr) meter_.fail("calls.range", function, "succeeded without a band");
  return band_ != nullptr;
}

void FlowPlay::close() {
  if (band_ == nullptr) return;
  meter_.call({EPP_EXT_FAIRNESS " close_band"},
              [&] { instance_->fairness->close_band(instance_->raw(), std::exchange(band_, nullptr)); });
}

FlowPlay::Queued FlowPlay::make_item() {
  Queued queued;
  queued.request = std::make_unique<MadeRequest>();
  queued.request->make(random_.one_in(8) ? Shape::kOdd : Shape::kSmall, arrivals_, words_, random_);
  queued.arrival = ++arrivals_;
  epp_queued_request& item = queued.item;
  item.size = sizeof item;
  item.priority = queued.request->abi()->priority;
  item.request = queued.request->abi();
  item.enqueued_ns = plugins::clock().now_ns();
  item.deadline_ns = random_.one_in(3) ? EPP_NEVER_NS : item.enqueued_ns + random_.below(60'000'000'000);
  item.received_ns = item.enqueued_ns - std::min<uint64_t>(item.enqueued_ns, random_.below(1'000'000));
  item.bytes = random_.one_in(8) ? uint64_t{1} << 40 : random_.below(100'000);
  item.cost = random_.one_in(8) ? INT64_MAX / 4 : static_cast<int64_t>(1 + random_.below(10'000));
  queued.key = key_of(item);
  return queued;
}

int64_t FlowPlay::key_of(const epp_queued_request& item) {
  if (instance_->ordering == nullptr) return static_cast<int64_t>(item.enqueued_ns);
  int64_t key = static_cast<int64_t>(item.enqueued_ns);
  epp_status status = EPP_OK;
  if (meter_.call(kKey,
                  [&] { status = instance_->ordering->key(instance_->raw(), &item, &key, meter_.error().next()); })) {
    meter_.judge_status(kKey, status);
  }
  return key;
}

// What the policy is shown of the flow, as it is now.
void FlowPlay::refresh(Flow& flow) {
  flow.abi.length = flow.queue.size();
  flow.abi.bytes = 0;
  for (const Queued& queued : flow.queue)
    flow.abi.bytes += queued.item.bytes;
  const bool idle = flow.queue.empty();
  flow.abi.head = idle ? nullptr : &flow.queue.front().item;
  flow.abi.head_key = idle ? 0 : flow.queue.front().key;
  flow.abi.head_arrival = idle ? 0 : flow.queue.front().arrival;
}

void FlowPlay::show_head(Flow& flow) {
  refresh(flow);
  if (band_ == nullptr) return;
  if (const auto told = EPP_OPTIONAL(instance_->fairness, epp_fairness, head_changed)) {
    meter_.call({EPP_EXT_FAIRNESS " head_changed"}, [&] { told(instance_->raw(), band_, &flow.abi); });
  }
}

void FlowPlay::arrive() {
  Flow& flow = flows_[random_.below(flows_.size())];
  if (flow.queue.size() >= kLongestQueue) return;
  if (!flow.known && band_ != nullptr) {
    flow.known = true;
    refresh(flow);
    if (const auto told = EPP_OPTIONAL(instance_->fairness, epp_fairness, flow_added)) {
      meter_.call({EPP_EXT_FAIRNESS " flow_added"}, [&] { told(instance_->raw(), band_, &flow.abi); });
    }
  }
  Queued fresh = make_item();
  const auto after = [](const Queued& a, const Queued& b) {
    return std::pair(a.key, a.arrival) < std::pair(b.key, b.arrival);
  };
  const auto at = std::upper_bound(flow.queue.begin(), flow.queue.end(), fresh, after);
  const bool first = at == flow.queue.begin();
  flow.queue.insert(at, std::move(fresh));
  if (first) show_head(flow);
}

void FlowPlay::pick() {
  if (band_ == nullptr) return;
  const auto active = [](const Flow& flow) { return !flow.queue.empty(); };
  if (std::none_of(flows_.begin(), flows_.end(), active)) return;
  uint32_t index = UINT32_MAX;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(kPick, [&] {
    status =
        instance_->fairness->pick(instance_->raw(), band_, plugins::clock().now_ns(), &index, meter_.error().next());
  });
  if (!returned || !meter_.judge_status(kPick, status)) return;
  if (index >= flows_.size() || !active(flows_[index])) {
    meter_.fail("calls.index", kPick, "named flow " + std::to_string(index) + ", which is idle or unknown");
    index = static_cast<uint32_t>(std::find_if(flows_.begin(), flows_.end(), active) - flows_.begin());
  }
  Flow& flow = flows_[index];
  const int64_t cost = flow.queue.front().item.cost;
  flow.queue.pop_front();
  show_head(flow);
  if (const auto told = EPP_OPTIONAL(instance_->fairness, epp_fairness, charged)) {
    meter_.call({EPP_EXT_FAIRNESS " charged"},
                [&] { told(instance_->raw(), band_, &flow.abi, EPP_CHARGE_DISPATCH, cost); });
  }
}

void FlowPlay::settle() {
  Flow& flow = flows_[random_.below(flows_.size())];
  if (!flow.known || band_ == nullptr) return;
  refresh(flow);
  if (const auto told = EPP_OPTIONAL(instance_->fairness, epp_fairness, charged)) {
    const int64_t tokens = static_cast<int64_t>(random_.below(20'000)) - 10'000;
    meter_.call({EPP_EXT_FAIRNESS " charged"},
                [&] { told(instance_->raw(), band_, &flow.abi, EPP_CHARGE_SETTLE, tokens); });
  }
}

// All of a flow's requests are cancelled, and it is forgotten.
void FlowPlay::remove_flow() {
  Flow& flow = flows_[random_.below(flows_.size())];
  if (!flow.queue.empty()) {
    flow.queue.clear();
    show_head(flow);
  }
  if (!flow.known || band_ == nullptr) return;
  flow.known = false;
  if (const auto told = EPP_OPTIONAL(instance_->fairness, epp_fairness, flow_removed)) {
    meter_.call({EPP_EXT_FAIRNESS " flow_removed"}, [&] { told(instance_->raw(), band_, &flow.abi); });
  }
}

#undef EPP_OPTIONAL

}  // namespace epp::check
