#include "endpoints/slot_pool.h"

namespace epp::endpoints {

SlotPool::SlotPool(uint32_t limit, Clock::duration rest)
    : limit_(limit), rest_(rest), owners_(std::make_unique<std::atomic<uint64_t>[]>(limit)) {}

std::optional<uint32_t> SlotPool::take() {
  std::lock_guard lock(mutex_);
  const bool rested = !freed_.empty() && Clock::now() - freed_.front().when >= rest_;
  if (!rested && fresh_ < limit_) return fresh_++;
  if (freed_.empty()) return std::nullopt;
  const uint32_t slot = freed_.front().slot;
  freed_.pop_front();
  return slot;
}

void SlotPool::give_back(uint32_t slot) {
  owners_[slot].store(0, std::memory_order_release);
  std::lock_guard lock(mutex_);
  freed_.push_back({slot, Clock::now()});
}

}  // namespace epp::endpoints
