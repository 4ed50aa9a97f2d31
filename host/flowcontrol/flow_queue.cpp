#include "flowcontrol/flow_queue.h"

#include "plugins/flow_hooks.h"

#include <algorithm>

namespace epp::flowcontrol {
namespace {

constexpr std::size_t kChildren = 4;
// An emptied queue that had room for more gives it back.
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
  heap_[index] = entry;
  entry.item->heap_index = static_cast<std::uint32_t>(index);
}

void FlowQueue::sift_up(std::size_t index, const Entry& entry) {
  while (index > 0) {
    const std::size_t parent = (index - 1) / kChildren;
    if (!before(entry, heap_[parent])) break;
    put(index, heap_[parent]);
    index = parent;
  }
  put(index, entry);
}

void FlowQueue::sift_down(std::size_t index, const Entry& entry) {
  for (;;) {
    const std::size_t first = index * kChildren + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kChildren, heap_.size());
    std::size_t best = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(heap_[child], heap_[best])) best = child;
    }
    if (!before(heap_[best], entry)) break;
    put(index, heap_[best]);
    index = best;
  }
  put(index, entry);
}

void FlowQueue::push(Item& item) {
  const Entry entry{item.key, item.arrival, &item};
  heap_.push_back(entry);
  sift_up(heap_.size() - 1, entry);
}

void FlowQueue::remove(Item& item) {
  const std::size_t index = item.heap_index;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index < heap_.size()) {
    // The last one fills the gap: it may belong above or below it.
    if (index > 0 && before(last, heap_[(index - 1) / kChildren])) {
      sift_up(index, last);
    } else {
      sift_down(index, last);
    }
  } else if (heap_.empty() && heap_.capacity() > kKeptCapacity) {
    heap_ = {};
  }
}

}  // namespace epp::flowcontrol
