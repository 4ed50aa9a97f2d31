// What every endpoint is thought to hold: the block hashes of the prompts that went there.
//
//   heads_     first block of a prompt -> endpoints that hold it
//   servers_   by slot: the endpoint's blocks
//
// An endpoint that does not hold the first block of a prompt matches nothing of it, so only the holders are looked at:
// usually few, however many endpoints there are.
#pragma once

#include "../../common/lru_hash_set.h"

#include <epp/abi.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epp::builtin {

// The block hashes of a request: one chain per prompt, one after the other.
struct PrefixChains {
  std::vector<uint64_t> hashes;
  std::vector<size_t> ends;  // end offset of each chain

  void clear() {
    hashes.clear();
    ends.clear();
  }
  // Calls `visit` with the offset of each chain's first block.
  template <typename Visit>
  void for_each_head(Visit&& visit) const {
    size_t begin = 0;
    for (const size_t end : ends) {
      if (begin < end) visit(begin);
      begin = end;
    }
  }
};

// A set of slots.
class SlotBits {
 public:
  void clear() { words_.clear(); }
  bool empty() const { return words_.empty(); }
  void insert(uint32_t slot) {
    const size_t word = slot / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= uint64_t{1} << (slot % 64);
  }
  bool contains(uint32_t slot) const {
    const size_t word = slot / 64;
    return word < words_.size() && (words_[word] >> (slot % 64) & 1) != 0;
  }
  // Calls `visit` with every slot in first..end-1.
  template <typename Visit>
  void for_each_between(uint32_t first, uint32_t end, Visit&& visit) const {
    const size_t last = std::min(words_.size(), size_t{end} / 64 + 1);
    for (size_t word = first / 64; word < last; ++word) {
      for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        const auto slot = static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
        if (slot >= first && slot < end) visit(slot);
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
};

// Which slots hold which first blocks. [concurrent]
class PrefixHeads {
 public:
  void add(uint64_t hash, uint32_t slot) {
    Shard& shard = shard_of(hash);
    {
      // Mostly it is there: many prompts begin alike.
      const std::shared_lock lock(shard.mutex);
      const auto at = shard.slots.find(hash);
      if (at != shard.slots.end() && has(at->second, slot)) return;
    }
    const std::unique_lock lock(shard.mutex);
    std::vector<uint32_t>& slots = shard.slots[hash];
    if (!has(slots, slot)) slots.push_back(slot);
  }
  // Nothing happens when it is no head, or not one of this slot.
  void remove(uint64_t hash, uint32_t slot) {
    Shard& shard = shard_of(hash);
    {
      const std::shared_lock lock(shard.mutex);
      if (!shard.slots.contains(hash)) return;
    }
    const std::unique_lock lock(shard.mutex);
    const auto at = shard.slots.find(hash);
    if (at == shard.slots.end()) return;
    std::erase(at->second, slot);
    if (at->second.empty()) shard.slots.erase(at);
  }
  void find(uint64_t hash, SlotBits& slots) const {
    const Shard& shard = shard_of(hash);
    const std::shared_lock lock(shard.mutex);
    const auto at = shard.slots.find(hash);
    if (at == shard.slots.end()) return;
    for (const uint32_t slot : at->second)
      slots.insert(slot);
  }

 private:
  struct alignas(64) Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<uint64_t, std::vector<uint32_t>> slots;
  };
  static bool has(const std::vector<uint32_t>& slots, uint32_t slot) {
    return std::find(slots.begin(), slots.end(), slot) != slots.end();
  }
  // The low bits choose a place within tables.
  Shard& shard_of(uint64_t hash) { return shards_[hash >> 60]; }
  const Shard& shard_of(uint64_t hash) const { return shards_[hash >> 60]; }

  std::array<Shard, 16> shards_;
};

// An entry goes with its endpoint, so nothing outlives one. [concurrent]
class PrefixIndex {
 public:
  void add(const epp_endpoint& endpoint) {
    const std::unique_lock lock(mutex_);
    if (endpoint.slot >= servers_.size()) servers_.resize(endpoint.slot + 1);
    auto& server = servers_[endpoint.slot];
    if (server != nullptr && server->uid == endpoint.uid) return;
    if (server != nullptr) forget(*server);
    server = std::make_unique<Server>(endpoint);
  }

  // Must not overlap with an addition for the same slot.
  void remove(const epp_endpoint& endpoint) {
    std::unique_ptr<Server> gone;
    {
      const std::unique_lock lock(mutex_);
      if (find(endpoint.slot, endpoint.uid) == nullptr) return;
      gone = std::move(servers_[endpoint.slot]);
    }
    forget(*gone);  // takes milliseconds when much is held; until then it is a holder that matches nothing
  }

  // The slots that may match something, in place of those in `holders`.
  void find_holders(const PrefixChains& chains, SlotBits& holders) const {
    holders.clear();
    chains.for_each_head([&](size_t head) { heads_.find(chains.hashes[head], holders); });
  }

  // Looks at many endpoints in a row. None comes or goes as long as it lives: keep it short, and call nothing else of
  // the index meanwhile.
  class Reading {
   public:
    explicit Reading(const PrefixIndex& index) : index_(index), lock_(index.mutex_) {}
    // The leading blocks that the endpoint holds, summed over the chains.
    int64_t match(const epp_endpoint& endpoint, const PrefixChains& chains) const {
      const Server* const server = index_.find(endpoint.slot, endpoint.uid);
      return server != nullptr ? server->match(chains) : 0;
    }

   private:
    const PrefixIndex& index_;
    const std::shared_lock<std::shared_mutex> lock_;
  };

  // Notes that the endpoint now holds the chains. The first call fixes its capacity.
  void record(const epp_endpoint& endpoint, const PrefixChains& chains, uint32_t capacity) {
    const std::shared_lock lock(mutex_);
    if (Server* server = find(endpoint.slot, endpoint.uid)) server->record(chains, capacity, heads_);
  }

  struct Size {
    std::string endpoint;
    size_t blocks;
  };
  // Endpoints that anything was recorded for.
  std::vector<Size> sizes() const {
    std::vector<Size> out;
    const std::shared_lock lock(mutex_);
    for (const auto& server : servers_) {
      if (server == nullptr) continue;
      const std::shared_lock server_lock(server->mutex);
      if (server->held) out.push_back({server->id, server->held->size()});
    }
    return out;
  }

 private:
  struct Server {
    explicit Server(const epp_endpoint& endpoint)
        : slot(endpoint.slot), uid(endpoint.uid), id(endpoint.id.data, static_cast<size_t>(endpoint.id.size)) {}

    int64_t match(const PrefixChains& chains) const {
      const std::shared_lock lock(mutex);
      if (!held) return 0;
      int64_t blocks = 0;
      size_t i = 0;
      for (const size_t end : chains.ends) {
        for (; i < end && held->contains(chains.hashes[i]); ++i)
          ++blocks;
        i = end;
      }
      return blocks;
    }

    // Last block first: what is forgotten first is a tail, never the head that makes it reachable.
    void record(const PrefixChains& chains, uint32_t capacity, PrefixHeads& heads) {
      const std::unique_lock lock(mutex);
      if (!held) held.emplace(capacity);
      for (size_t i = chains.hashes.size(); i-- > 0;) {
        if (const auto dropped = held->touch(chains.hashes[i])) heads.remove(*dropped, slot);
      }
      chains.for_each_head([&](size_t head) {
        if (held->contains(chains.hashes[head])) heads.add(chains.hashes[head], slot);
      });
    }

    const uint32_t slot;
    const uint64_t uid;
    const std::string id;
    mutable std::shared_mutex mutex;  // guards held
    std::optional<LruHashSet> held;
  };

  Server* find(uint32_t slot, uint64_t uid) const {
    if (slot >= servers_.size() || servers_[slot] == nullptr || servers_[slot]->uid != uid) return nullptr;
    return servers_[slot].get();
  }
  void forget(const Server& server) {
    if (server.held) server.held->for_each([&](uint64_t hash) { heads_.remove(hash, server.slot); });
  }

  mutable std::shared_mutex mutex_;  // guards the table; exclusive only while endpoints come and go
  std::vector<std::unique_ptr<Server>> servers_;
  PrefixHeads heads_;
};

}  // namespace epp::builtin
