#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace epp::sim {

// Identity of a full block of prompt tokens: it covers the block and everything before it.
using BlockHash = std::uint64_t;

// The blocks that one sequence holds. The first `cached` ones were found in the cache.
// Must be given back to the KvCache that made it.
struct KvLease {
  std::vector<std::uint32_t> blocks;
  std::size_t cached = 0;
};

// Paged KV memory with prefix caching, as vLLM manages it: a fixed number of blocks, each free or held by one or more
// sequences. A block given back keeps its content and stays findable until it is the least recently used free block
// and somebody needs the room. Not thread-safe.
class KvCache {
 public:
  explicit KvCache(std::uint32_t num_blocks);

  // Blocks at the start of `chain` that need not be computed.
  std::size_t match(std::span<const BlockHash> chain) const;

  // Takes `total` blocks, sharing those that match(chain) finds; nothing if there are too few free blocks.
  std::optional<KvLease> acquire(std::span<const BlockHash> chain, std::size_t total);

  // Adds one block; false if there is no free block.
  bool grow(KvLease& lease);

  // Makes the first blocks of `lease` findable under `chain`: their content has been computed.
  void publish(const KvLease& lease, std::span<const BlockHash> chain);

  void release(KvLease lease);

  std::size_t num_blocks() const { return blocks_.size(); }
  std::size_t used_blocks() const { return blocks_.size() - free_.size(); }
  std::size_t cached_blocks() const { return index_.size(); }

 private:
  struct Block {
    std::uint32_t holders = 0;
    std::optional<BlockHash> hash;
    std::list<std::uint32_t>::iterator free_position;  // Valid while holders == 0.
  };

  std::uint32_t take_least_recently_used();
  void hold(std::uint32_t id);

  std::vector<Block> blocks_;
  std::list<std::uint32_t> free_;  // Next to reuse first.
  std::unordered_map<BlockHash, std::uint32_t> index_;
};

}  // namespace epp::sim
