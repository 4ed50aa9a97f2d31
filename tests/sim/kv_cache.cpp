#include "sim/kv_cache.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace epp::sim {

KvCache::KvCache(std::uint32_t num_blocks) : blocks_(num_blocks) {
  for (std::uint32_t id = 0; id < num_blocks; ++id) {
    blocks_[id].free_position = free_.insert(free_.end(), id);
  }
  index_.reserve(num_blocks);
}

std::size_t KvCache::match(std::span<const BlockHash> chain) const {
  const auto missing = std::ranges::find_if(chain, [&](BlockHash hash) { return !index_.contains(hash); });
  return static_cast<std::size_t>(missing - chain.begin());
}

std::optional<KvLease> KvCache::acquire(std::span<const BlockHash> chain, std::size_t total) {
  KvLease lease;
  lease.cached = std::min(match(chain), total);
  std::size_t cached_and_free = 0;
  for (const BlockHash hash : chain.first(lease.cached)) {
    cached_and_free += blocks_[index_.at(hash)].holders == 0 ? 1 : 0;
  }
  if (cached_and_free + total - lease.cached > free_.size()) return std::nullopt;

  // The shared blocks first: held, they cannot be the ones that make room.
  lease.blocks.reserve(total);
  for (const BlockHash hash : chain.first(lease.cached)) {
    lease.blocks.push_back(index_.at(hash));
    hold(lease.blocks.back());
  }
  while (lease.blocks.size() < total) {
    lease.blocks.push_back(take_least_recently_used());
  }
  return lease;
}

bool KvCache::grow(KvLease& lease) {
  if (free_.empty()) return false;
  lease.blocks.push_back(take_least_recently_used());
  return true;
}

void KvCache::publish(const KvLease& lease, std::span<const BlockHash> chain) {
  const std::size_t full = std::min(chain.size(), lease.blocks.size());
  for (std::size_t i = lease.cached; i < full; ++i) {
    // Another sequence may have computed the same content meanwhile; its block stays the findable one.
    if (index_.try_emplace(chain[i], lease.blocks[i]).second) blocks_[lease.blocks[i]].hash = chain[i];
  }
}

void KvCache::release(KvLease lease) {
  // From the back, so that the end of a prefix is reused before its beginning.
  for (const std::uint32_t id : lease.blocks | std::views::reverse) {
    Block& block = blocks_[id];
    if (--block.holders > 0) continue;
    block.free_position = free_.insert(block.hash ? free_.end() : free_.begin(), id);
  }
}

std::uint32_t KvCache::take_least_recently_used() {
  const std::uint32_t id = free_.front();
  Block& block = blocks_[id];
  if (block.hash) {
    index_.erase(*block.hash);
    block.hash.reset();
  }
  hold(id);
  return id;
}

void KvCache::hold(std::uint32_t id) {
  Block& block = blocks_[id];
  if (block.holders++ == 0) free_.erase(block.free_position);
}

}  // namespace epp::sim
