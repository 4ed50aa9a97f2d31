#include "endpoints/roster.h"

#include <algorithm>
#include <utility>

namespace epp::endpoints {

bool Roster::upsert(EndpointSpec spec, Change& change) {
  std::sort(spec.labels.begin(), spec.labels.end());
  std::sort(spec.annotations.begin(), spec.annotations.end());
  if (spec.workload.empty()) spec.workload = spec.name;
  std::string id = spec.id();
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    const auto slot = slots_->take();
    if (!slot) return false;
    const std::uint64_t uid = ++last_uid_;
    const auto endpoint = std::make_shared<const Endpoint>(std::move(spec), uid, slots_, *slot, true);
    by_id_.emplace(std::move(id), Known{endpoint, false});
    in_order_.emplace(uid, endpoint);
    change.fresh.push_back(endpoint);
    change.added.push_back(endpoint);
    ++change.steps;
    return true;
  }

  auto& [endpoint, suspended] = found->second;
  const bool same = endpoint->spec() == spec;
  if (same && !suspended) return true;
  if (!same) {
    auto updated = std::make_shared<Endpoint>(std::move(spec), endpoint->uid(), slots_, endpoint->slot(), false);
    updated->slot_owner_ = endpoint->slot_owner_ ? endpoint->slot_owner_ : endpoint;
    endpoint = std::move(updated);
  }
  suspended = false;
  in_order_[endpoint->uid()] = endpoint;
  ++change.steps;
  // Whose suspension nobody has heard of yet did not leave.
  const bool left = change.suspended.erase(endpoint->uid()) == 0;
  if (left || !same) change.added.push_back(endpoint);
  return true;
}

bool Roster::suspend(std::string_view id, Change& change) {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end() || found->second.suspended) return false;
  found->second.suspended = true;
  in_order_.erase(found->second.endpoint->uid());
  change.suspended.emplace(found->second.endpoint->uid(), found->second.endpoint);
  ++change.steps;
  return true;
}

bool Roster::remove(std::string_view id, Change& change) {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return false;
  in_order_.erase(found->second.endpoint->uid());
  change.removed.push_back(std::move(found->second.endpoint));
  by_id_.erase(found);
  ++change.steps;
  return true;
}

void Roster::keep_only(const std::unordered_set<std::string>& ids, Change& change) {
  std::vector<std::string> gone;
  for (const auto& [id, known] : by_id_) {
    if (!ids.contains(id)) gone.push_back(id);
  }
  for (const std::string& id : gone)
    remove(id, change);
}

std::shared_ptr<const Membership> Roster::membership() const {
  auto made = std::make_shared<Membership>();
  std::size_t limit = 0;
  for (const auto& [uid, endpoint] : in_order_)
    limit = std::max<std::size_t>(limit, endpoint->slot() + std::size_t{1});
  made->slots.reserve(in_order_.size());
  made->by_slot.resize(limit);
  made->owners.resize(limit);
  for (const auto& [uid, endpoint] : in_order_) {
    made->slots.push_back(endpoint->slot());
    made->by_slot[endpoint->slot()] = &endpoint->abi();
    made->owners[endpoint->slot()] = endpoint;
  }
  return made;
}

std::vector<EndpointPtr> Roster::present() const {
  std::vector<EndpointPtr> all;
  all.reserve(in_order_.size());
  for (const auto& [uid, endpoint] : in_order_)
    all.push_back(endpoint);
  return all;
}

std::vector<EndpointPtr> Roster::suspended() const {
  std::vector<EndpointPtr> all;
  for (const auto& [id, known] : by_id_) {
    if (known.suspended) all.push_back(known.endpoint);
  }
  return all;
}

}  // namespace epp::endpoints
