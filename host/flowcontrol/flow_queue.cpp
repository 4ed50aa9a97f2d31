#include "flowcontrol/flow_queue.h"

#include "plugins/flow_hooks.h"

#include <algorithm>

namespace epp::flowcontrol {
namespace {

constexpr std::size_t kChildren = 4;
// A queue that has become short gives back room for more than this.
constexpr std::size_t kKeptCapacity = 256;

}  // namespace

bool FlowQueue::before(const Entry& a, const Entry& b) const {
  if (comparator_ != nullptr) {
    if (plugins::runs_before(*comparator_, a.item->shown, b.item->shown)) return true;
    if (plugins::runs_before(*comparator_, b.item->shown, a.item->shown)) return false;
  }
  return a.key != b.key ? a.key < b.key : a.arrival < b.arrival;
}

void FlowQueue::put(std::size_t index, const Entry& entry) {
  (index == 0 ? front_ : rest_[index - 1]) = entry;
  entry.item->heap_index = static_cast<std::uint32_t>(index);
}

void FlowQueue::sift_up(std::size_t index, const Entry& entry) {
  while (index > 0) {
    const std::size_t parent = (index - 1) / kChildren;
    if (!before(entry, node(parent))) break;
    put(index, node(parent));
    index = parent;
  }
  put(index, entry);
}

void FlowQueue::sift_down(std::size_t index, const Entry& entry) {
  for (;;) {
    const std::size_t first = index * kChildren + 1;
    if (first >= size_) break;
    const std::size_t end = std::min(first + kChildren, size_);
    std::size_t best = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(node(child), node(best))) best = child;
    }
    if (!before(node(best), entry)) break;
    put(index, node(best));
    index = best;
  }
  put(index, entry);
}

void FlowQueue::push(Item& item) {
  const Entry entry{item.key, item.arrival, &item};
  if (size_ != 0) rest_.push_back(entry);
  sift_up(size_++, entry);
}

void FlowQueue::remove(Item& item) {
  const std::size_t index = item.heap_index;
  const Entry last = node(--size_);
  if (size_ == 0) {
    front_ = {};
    return;
  }
  rest_.pop_back();
  if (rest_.empty() && rest_.capacity() > kKeptCapacity) rest_ = {};
  if (index == size_) return;
  // The last one fills the gap: it may belong above or below it.
  if (index > 0 && before(last, node((index - 1) / kChildren))) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

}  // namespace epp::flowcontrol
