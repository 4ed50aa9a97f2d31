// A bounded set of 64-bit hashes that forgets the one touched longest ago.
//
//   table_   open addressing, linear probing:  [hash, node] [ - ] [hash, node] ...
//   nodes_   doubly linked by index, newest at head_:  {prev, next, slot in table_}
//
// A lookup touches the table only, usually one cache line. Memory grows with the entries: 16 bytes a table slot (at
// most 4/5 full), 12 bytes a node. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace epp::builtin {

class LruHashSet {
 public:
  // capacity > 0
  explicit LruHashSet(uint32_t capacity) : capacity_(std::min(capacity, kNone - 1)), table_(kFirstTableSize) {}

  size_t size() const { return nodes_.size(); }
  uint32_t capacity() const { return capacity_; }
  bool contains(uint64_t hash) const { return table_[find(hash)].node != kNone; }

  // Calls `visit` for every hash, in no order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Entry& entry : table_) {
      if (entry.node != kNone) visit(entry.hash);
    }
  }

  // Inserts `hash` or makes it the newest; a full set drops its oldest, which is returned.
  std::optional<uint64_t> touch(uint64_t hash) {
    if (const uint32_t node = table_[find(hash)].node; node != kNone) {
      unlink(node);
      link_newest(node);
      return std::nullopt;
    }
    std::optional<uint64_t> dropped;
    uint32_t node;
    if (nodes_.size() < capacity_) {
      if ((nodes_.size() + 1) * 5 > table_.size() * 4) grow();
      node = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
    } else {
      node = oldest_;
      dropped = table_[nodes_[node].slot].hash;
      unlink(node);
      erase_slot(nodes_[node].slot);
    }
    const size_t slot = find(hash);
    table_[slot] = {hash, node};
    nodes_[node].slot = static_cast<uint32_t>(slot);
    link_newest(node);
    return dropped;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kFirstTableSize = 64;  // a power of two, as every later size

  struct Entry {
    uint64_t hash = 0;
    uint32_t node = kNone;  // kNone: the slot is free
  };
  struct Node {
    uint32_t newer = kNone;
    uint32_t older = kNone;
    uint32_t slot = 0;
  };

  size_t next(size_t slot) const { return (slot + 1) & (table_.size() - 1); }
  size_t home(uint64_t hash) const { return static_cast<size_t>(hash) & (table_.size() - 1); }

  // The slot of `hash`, or the free one where it belongs.
  size_t find(uint64_t hash) const {
    size_t slot = home(hash);
    while (table_[slot].node != kNone && table_[slot].hash != hash)
      slot = next(slot);
    return slot;
  }

  void place(const Entry& entry) {
    const size_t slot = find(entry.hash);
    table_[slot] = entry;
    nodes_[entry.node].slot = static_cast<uint32_t>(slot);
  }

  void grow() {
    std::vector<Entry> old(table_.size() * 2);
    old.swap(table_);
    for (const Entry& entry : old) {
      if (entry.node != kNone) place(entry);
    }
  }

  // Frees a slot and closes the gap, so that no tombstones are needed.
  void erase_slot(size_t hole) {
    for (size_t slot = next(hole); table_[slot].node != kNone; slot = next(slot)) {
      const size_t mask = table_.size() - 1;
      const size_t wanted = home(table_[slot].hash);
      if (((slot - wanted) & mask) >= ((slot - hole) & mask)) {
        table_[hole] = table_[slot];
        nodes_[table_[hole].node].slot = static_cast<uint32_t>(hole);
        hole = slot;
      }
    }
    table_[hole].node = kNone;
  }

  void unlink(uint32_t node) {
    const Node& n = nodes_[node];
    (n.newer == kNone ? newest_ : nodes_[n.newer].older) = n.older;
    (n.older == kNone ? oldest_ : nodes_[n.older].newer) = n.newer;
  }
  void link_newest(uint32_t node) {
    nodes_[node].newer = kNone;
    nodes_[node].older = newest_;
    (newest_ == kNone ? oldest_ : nodes_[newest_].newer) = node;
    newest_ = node;
  }

  uint32_t capacity_;
  uint32_t newest_ = kNone;
  uint32_t oldest_ = kNone;
  std::vector<Entry> table_;
  std::vector<Node> nodes_;
};

}  // namespace epp::builtin
