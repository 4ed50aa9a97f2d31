#include "discovery/kubernetes/pool_state.h"

#include "discovery/kubernetes/pod_endpoint.h"

#include <algorithm>
#include <utility>

namespace epp::discovery {

using endpoints::EndpointChange;

PoolState::PoolState(endpoints::EndpointTable& table, std::string name_space, std::chrono::milliseconds forget_after,
                     Warn warn)
    : table_(table), name_space_(std::move(name_space)), forget_after_(forget_after), warn_(std::move(warn)) {}

void PoolState::set_pool(PoolTerms terms) {
  if (terms.target_ports.size() > kMaxTargetPorts) terms.target_ports.resize(kMaxTargetPorts);
  const bool other_ports = !pool_ || pool_->target_ports != terms.target_ports;
  pool_ = std::move(terms);
  if (counting_ && counting_->selector == pool_->selector) {
    coming_.reset();
  } else if (!coming_ || coming_->selector != pool_->selector) {
    coming_ = Watch{++last_watch_, pool_->selector};
  }
  if (!other_ports) return;
  Changes changes;
  place_all(changes);
  table_.apply(std::move(changes));
}

void PoolState::clear_pool() {
  pool_.reset();
  counting_.reset();
  coming_.reset();
  Changes changes;
  for (auto at = pods_.begin(); at != pods_.end();)
    at = drop(at, changes);
  leaves_.clear();
  table_.apply(std::move(changes));
}

std::vector<PoolState::Watch> PoolState::watches() const {
  std::vector<Watch> all;
  if (counting_) all.push_back(*counting_);
  if (coming_) all.push_back(*coming_);
  return all;
}

bool PoolState::take(std::uint64_t watch, const Pods& all, const std::vector<kube::Pod>& removed,
                     const std::vector<const kube::Pod*>& upserted, bool listed, TimePoint now) {
  Changes changes;
  const bool begins = listed && coming_ && coming_->number == watch;
  if (begins) {
    counting_ = std::exchange(coming_, std::nullopt);
    for (auto at = pods_.begin(); at != pods_.end(); ++at) {
      if (!all.contains(at->first)) leave(at, now, changes);
    }
    for (const auto& [key, pod] : all)
      upsert(pod, changes);
  } else if (counting_ && counting_->number == watch) {
    for (const kube::Pod& pod : removed)
      erase(pod, now, changes);
    for (const kube::Pod* pod : upserted)
      upsert(*pod, changes);
  }
  table_.apply(std::move(changes));
  return begins;
}

std::optional<PoolState::TimePoint> PoolState::forget(TimePoint now) {
  Changes changes;
  for (; !leaves_.empty() && leaves_.front().when + forget_after_ <= now; leaves_.pop_front()) {
    const auto at = pods_.find(leaves_.front().key);
    if (at != pods_.end() && at->second.left == leaves_.front().when) drop(at, changes);
  }
  table_.apply(std::move(changes));
  if (leaves_.empty()) return std::nullopt;
  return leaves_.front().when + forget_after_;
}

void PoolState::upsert(const kube::Pod& pod, Changes& changes) {
  if (pod.meta.name_space != name_space_) return;
  const std::string key = pod.meta.key();
  auto at = pods_.find(key);
  if (at != pods_.end() && at->second.pod.meta.uid != pod.meta.uid) {
    drop(at, changes);
    at = pods_.end();
  }
  if (at == pods_.end()) {
    at = pods_.emplace(key, Known{}).first;
  } else if (std::exchange(at->second.left, std::nullopt)) {
    --away_;
  }
  at->second.pod = pod;
  place(key, at->second, changes);
}

// A pod that was not deleted may only have ceased to match; `last` tells. Without its word it is taken for that: an
// endpoint that is away for good harms nobody.
void PoolState::erase(const kube::Pod& last, TimePoint now, Changes& changes) {
  const auto at = pods_.find(last.meta.key());
  if (at == pods_.end() || at->second.pod.meta.uid != last.meta.uid) return;
  if (last.meta.deleting) {
    drop(at, changes);
  } else {
    leave(at, now, changes);
  }
}

void PoolState::leave(KnownPods::iterator at, TimePoint now, Changes& changes) {
  Known& known = at->second;
  if (known.left) return;
  known.left = now;
  ++away_;
  leaves_.push_back({now, at->first});
  place(at->first, known, changes);
}

PoolState::KnownPods::iterator PoolState::drop(KnownPods::iterator at, Changes& changes) {
  Known& known = at->second;
  for (std::size_t rank = 0; rank < known.ranks.size(); ++rank) {
    if (known.ranks[rank] == Rank::kNone) continue;
    changes.push_back({.kind = EndpointChange::Kind::kRemove, .id = endpoint_id(known.pod, rank)});
  }
  if (known.left) --away_;
  return pods_.erase(at);
}

void PoolState::place(const std::string& key, Known& known, Changes& changes) {
  const std::vector<std::uint16_t>& ports = pool_->target_ports;
  const kube::Pod& pod = known.pod;
  ActivePorts active = active_ports(pod.meta.annotations, ports);
  if (active.warning != known.warned) {
    known.warned = std::move(active.warning);
    if (!known.warned.empty() && warn_) warn_(key, known.warned);
  }
  const bool serves = pod.ready() && !known.left && counting_->selector.matches(pod.meta.labels);
  for (std::size_t i = 0; i < known.ranks.size(); ++i) {
    Rank& rank = known.ranks[i];
    if (serves && i < ports.size() && active.ranks[i]) {
      changes.push_back({.kind = EndpointChange::Kind::kUpsert, .spec = endpoint_of(pod, i, ports[i])});
      rank = Rank::kPresent;
    } else if (rank != Rank::kNone && (pod.meta.deleting || i >= ports.size())) {
      changes.push_back({.kind = EndpointChange::Kind::kRemove, .id = endpoint_id(pod, i)});
      rank = Rank::kNone;
    } else if (rank == Rank::kPresent) {
      changes.push_back({.kind = EndpointChange::Kind::kSuspend, .id = endpoint_id(pod, i)});
      rank = Rank::kSuspended;
    }
  }
}

void PoolState::place_all(Changes& changes) {
  for (auto& [key, known] : pods_)
    place(key, known, changes);
}

}  // namespace epp::discovery
