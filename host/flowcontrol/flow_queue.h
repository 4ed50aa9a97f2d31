// The waiting requests of one flow in the order of its band's policy: a heap on (key, arrival) whose items know their
// position, so that a cancelled request leaves at once.
//
// Four children a node: half the depth of a binary heap. Appending in order, as first come first served does, touches
// one parent; leaving costs O(log n).
#pragma once

#include "flowcontrol/item.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace epp::plugins {
class Instance;
}

namespace epp::flowcontrol {

class FlowQueue {
 public:
  // `comparator` serves epp_ordering::before and goes before the keys; null where keys say it all.
  explicit FlowQueue(const plugins::Instance* comparator) : comparator_(comparator) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  Item* front() const { return front_.item; }
  // The i-th of size(), in no particular order.
  const Item& at(std::size_t i) const { return *node(i).item; }

  void push(Item& item);
  // `item` is in this queue.
  void remove(Item& item);

 private:
  struct Entry {
    std::int64_t key = 0;
    std::uint64_t arrival = 0;
    Item* item = nullptr;
  };
  const Entry& node(std::size_t index) const { return index == 0 ? front_ : rest_[index - 1]; }
  bool before(const Entry& a, const Entry& b) const;
  void put(std::size_t index, const Entry& entry);
  void sift_up(std::size_t index, const Entry& entry);
  void sift_down(std::size_t index, const Entry& entry);

  const plugins::Instance* comparator_;
  // The root stands apart: most flows have one request, and a flow with one touches no other memory.
  Entry front_;
  std::vector<Entry> rest_;
  std::size_t size_ = 0;
};

}  // namespace epp::flowcontrol
