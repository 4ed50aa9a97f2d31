// Whose turn it is: the active ones among all flows of a band, in the cyclic order of their ids.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::builtin {

// All flows stand sorted by id in blocks of at most 64, with one bit a flow for "active" and one bit a block for "has
// an active flow". Giving a turn and becoming active or idle follow bits, whatever the number of flows; only adding a
// flow searches by id.
//
//   blocks    [ aa ab b ][ c ca d e ]...      any_active_   1 0 ...
//   active      1  0  0    0 0  0 0
class TurnOrder {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // `id` lives until remove. O(log n), and O(n / 64) when a block is split.
  void add(uint32_t flow, std::string_view id) {
    if (flow >= places_.size()) places_.resize(flow + size_t{1});
    places_[flow].id = id;
    if (blocks_.empty()) insert_block(0, std::make_unique<Block>());
    size_t rank = block_for(id);
    if (blocks_[rank]->flows.size() == kBlock) {
      split(rank);
      rank = block_for(id);
    }
    Block* const block = blocks_[rank].get();
    const auto at = std::upper_bound(block->flows.begin(), block->flows.end(), id,
                                     [this](std::string_view wanted, uint32_t f) { return wanted < places_[f].id; });
    const auto position = static_cast<uint32_t>(at - block->flows.begin());
    block->flows.insert(at, flow);
    const uint64_t below = (uint64_t{1} << position) - 1;
    block->active = (block->active & below) | ((block->active & ~below) << 1);
    renumber(*block, position);
  }

  // The flow is idle. If it had the last turn, the one before it is taken to have had it, so the order goes on from
  // there.
  void remove(uint32_t flow) {
    const auto [id, block, position] = places_[flow];
    if (flow == last_) {
      const bool first = position == 0;
      if (!first) {
        last_ = block->flows[position - 1];
      } else {
        last_ = block->rank == 0 ? kNone : blocks_[block->rank - 1]->flows.back();
      }
    }
    block->flows.erase(block->flows.begin() + position);
    const uint64_t below = (uint64_t{1} << position) - 1;
    block->active = (block->active & below) | ((block->active >> 1) & ~below);
    places_[flow] = {};
    if (block->flows.empty()) {
      erase_block(block->rank);
    } else {
      renumber(*block, position);
    }
  }

  void set_active(uint32_t flow, bool active) {
    const Place& place = places_[flow];
    const uint64_t bit = uint64_t{1} << place.position;
    place.block->active = active ? place.block->active | bit : place.block->active & ~bit;
    mark(*place.block);
  }

  // The active flow next behind the one that had the last turn; it has the turn now. kNone when all are idle.
  uint32_t next() {
    size_t rank = 0;
    uint64_t candidates = 0;
    if (last_ != kNone) {
      const Place& place = places_[last_];
      rank = place.block->rank;
      candidates = place.block->active & ~((uint64_t{2} << place.position) - 1);  // none behind the 64th
      if (candidates == 0) rank = next_active_block(rank + 1);
    } else {
      rank = next_active_block(0);
    }
    if (rank == blocks_.size()) return kNone;
    const Block& block = *blocks_[rank];
    if (candidates == 0) candidates = block.active;
    last_ = block.flows[static_cast<size_t>(std::countr_zero(candidates))];
    // Flows stand in memory in any order: the next one's place is on its way while this one is served.
    candidates &= candidates - 1;
    if (candidates != 0) __builtin_prefetch(&places_[block.flows[static_cast<size_t>(std::countr_zero(candidates))]]);
    return last_;
  }

 private:
  static constexpr size_t kBlock = 64;

  struct Block {
    std::vector<uint32_t> flows;  // by id
    uint64_t active = 0;          // bit i: flows[i] is
    size_t rank = 0;              // in blocks_
  };
  struct Place {
    std::string_view id;
    Block* block = nullptr;
    uint32_t position = 0;
  };

  // Where the id belongs: the last block that starts at or before it, else the first one.
  size_t block_for(std::string_view id) const {
    if (blocks_.size() == 1) return 0;
    const auto behind = std::upper_bound(
        blocks_.begin(), blocks_.end(), id,
        [this](std::string_view wanted, const auto& b) { return wanted < places_[b->flows.front()].id; });
    return static_cast<size_t>(std::max<ptrdiff_t>(behind - blocks_.begin() - 1, 0));
  }

  // The first block from `rank` on, then from the start, that has an active flow; blocks_.size() when none has.
  size_t next_active_block(size_t rank) const {
    const size_t words = any_active_.size();
    if (words == 0) return blocks_.size();
    size_t word = rank / 64;
    uint64_t bits = word < words ? any_active_[word] & (~uint64_t{0} << (rank % 64)) : 0;
    for (size_t step = 0; step <= words; ++step) {
      if (bits != 0) return word * 64 + static_cast<size_t>(std::countr_zero(bits));
      word = word + 1 < words ? word + 1 : 0;
      bits = any_active_[word];
    }
    return blocks_.size();
  }

  void mark(const Block& block) {
    const uint64_t bit = uint64_t{1} << (block.rank % 64);
    uint64_t& word = any_active_[block.rank / 64];
    word = block.active != 0 ? word | bit : word & ~bit;
  }

  void renumber(Block& block, uint32_t from) {
    for (uint32_t i = from; i < block.flows.size(); ++i) {
      places_[block.flows[i]].block = &block;
      places_[block.flows[i]].position = i;
    }
    mark(block);
  }

  // Moves the upper half of a full block to a new one behind it.
  void split(size_t rank) {
    constexpr size_t kHalf = kBlock / 2;
    Block& lower = *blocks_[rank];
    auto upper = std::make_unique<Block>();
    upper->flows.reserve(kBlock);
    upper->flows.assign(lower.flows.begin() + kHalf, lower.flows.end());
    upper->active = lower.active >> kHalf;
    lower.flows.resize(kHalf);
    lower.active &= (uint64_t{1} << kHalf) - 1;
    Block& moved = *upper;
    insert_block(rank + 1, std::move(upper));
    renumber(moved, 0);
    mark(lower);
  }

  void insert_block(size_t rank, std::unique_ptr<Block> block) {
    blocks_.insert(blocks_.begin() + static_cast<ptrdiff_t>(rank), std::move(block));
    rerank(rank);
  }
  void erase_block(size_t rank) {
    blocks_.erase(blocks_.begin() + static_cast<ptrdiff_t>(rank));
    rerank(rank);
  }
  void rerank(size_t from) {
    any_active_.assign((blocks_.size() + 63) / 64, 0);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (i >= from) blocks_[i]->rank = i;
      mark(*blocks_[i]);
    }
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<uint64_t> any_active_;  // bit i: blocks_[i] has an active flow
  std::vector<Place> places_;         // by flow
  uint32_t last_ = kNone;
};

}  // namespace epp::builtin
