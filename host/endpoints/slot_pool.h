// The slots 0..limit-1 and who owns them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace epp::endpoints {

// A freed slot rests a while before it is given again: live_add checks the owner and then adds, without a lock, so a
// slot must not change hands between the two. Thread-safe.
class SlotPool {
 public:
  using Clock = std::chrono::steady_clock;

  explicit SlotPool(uint32_t limit, Clock::duration rest = std::chrono::seconds(1));

  // A free slot, owned by nobody until own(). The one freed longest ago, or a fresh one; nullopt when all are taken.
  std::optional<uint32_t> take();
  void own(uint32_t slot, uint64_t uid) { owners_[slot].store(uid, std::memory_order_release); }
  void give_back(uint32_t slot);

  // [any thread] The uid that owns the slot; 0 for none.
  uint64_t owner(uint32_t slot) const { return slot < limit_ ? owners_[slot].load(std::memory_order_acquire) : 0; }

 private:
  struct Freed {
    uint32_t slot;
    Clock::time_point when;
  };

  const uint32_t limit_;
  const Clock::duration rest_;
  std::unique_ptr<std::atomic<uint64_t>[]> owners_;
  std::mutex mutex_;
  std::deque<Freed> freed_;
  uint32_t fresh_ = 0;
};

}  // namespace epp::endpoints
