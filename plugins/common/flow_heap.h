// The active flows of a band, the one whose head goes first on top.
#pragma once

#include <epp/ext/flow_control.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace epp::builtin {

// A heap by (head_key, head_arrival) with the place of each flow, so that one can be moved or taken out. Four children
// a node: half as many levels as with two, and levels are what costs a cache miss.
class FlowHeap {
 public:
  bool empty() const { return nodes_.empty(); }
  uint32_t top() const { return nodes_.front().flow; }

  // Puts the flow where its head belongs; takes it out when it has none. O(log n).
  void update(const epp_flow& flow) {
    if (flow.index >= places_.size()) places_.resize(flow.index + size_t{1}, kAbsent);
    uint32_t at = places_[flow.index];
    if (flow.head == nullptr) {
      if (at != kAbsent) erase(at);
      return;
    }
    if (at == kAbsent) {
      at = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    settle(at, {flow.head_key, flow.head_arrival, flow.index});
  }

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  static constexpr uint32_t kChildren = 4;

  struct Node {
    int64_t key = 0;
    uint64_t arrival = 0;
    uint32_t flow = 0;
    bool before(const Node& other) const { return std::tie(key, arrival) < std::tie(other.key, other.arrival); }
  };

  void erase(uint32_t at) {
    places_[nodes_[at].flow] = kAbsent;
    const Node last = nodes_.back();
    nodes_.pop_back();
    if (at < nodes_.size()) settle(at, last);
  }

  // `at` is a hole: fills it with `node` or with what comes between.
  void settle(uint32_t at, const Node& node) {
    while (at != 0) {
      const uint32_t parent = (at - 1) / kChildren;
      if (!node.before(nodes_[parent])) break;
      put(at, nodes_[parent]);
      at = parent;
    }
    const auto count = static_cast<uint32_t>(nodes_.size());
    for (;;) {
      const uint32_t first = at * kChildren + 1;
      if (first >= count) break;
      uint32_t best = first;
      for (uint32_t child = first + 1; child < std::min(first + kChildren, count); ++child) {
        if (nodes_[child].before(nodes_[best])) best = child;
      }
      if (!nodes_[best].before(node)) break;
      put(at, nodes_[best]);
      at = best;
    }
    put(at, node);
  }

  void put(uint32_t at, const Node& node) {
    nodes_[at] = node;
    places_[node.flow] = at;
  }

  std::vector<Node> nodes_;
  std::vector<uint32_t> places_;  // by flow index
};

}  // namespace epp::builtin
