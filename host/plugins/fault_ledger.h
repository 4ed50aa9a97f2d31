// The faults of one instance, and whether it may still be called.
//
// An instance is out of service while a call of it hangs (suspended), and for good after kBypassAfterFaults answers in
// a row, at one extension point, that could not be used or after kBypassAfterHangs suspensions (bypassed). Whoever
// would call it then takes its neutral answer instead. A reload builds a bypassed instance anew.
#pragma once

#include "plugins/fault.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace epp::plugins {

// Answers that are policy (a denial, a handler's complaint, a producer that could not reach its service) never count.
inline constexpr uint32_t kBypassAfterFaults = 100;
// Calls that hang at the same time are one suspension.
inline constexpr uint32_t kBypassAfterHangs = 3;

// [any thread, concurrent]
class FaultLedger {
 public:
  struct Entry {
    ExtensionPoint point{};
    Fault fault{};
    std::string message;
    uint64_t wall_ns = 0;
  };

  bool in_service() const { return service_.load(std::memory_order_relaxed) == 0; }
  bool bypassed() const { return (service_.load(std::memory_order_relaxed) & kBypassedBit) != 0; }
  bool suspended() const { return (service_.load(std::memory_order_relaxed) & ~kBypassedBit) != 0; }

  void enter(ExtensionPoint point, Fault fault, std::string_view message);
  // One answer more in a row that was replaced. True when the instance is bypassed for it.
  bool refuse(ExtensionPoint point);
  void accept(ExtensionPoint point) {
    auto& in_row = refused_in_row_[static_cast<size_t>(point)];
    if (in_row.load(std::memory_order_relaxed) != 0) in_row.store(0, std::memory_order_relaxed);
  }
  // A call hangs: suspends until resume(). True when the instance is bypassed for it.
  bool suspend();
  void resume() { service_.fetch_sub(1, std::memory_order_relaxed); }
  // An answer was taken without a call.
  void passed_over() { passed_over_.fetch_add(1, std::memory_order_relaxed); }

  uint64_t count(Fault fault) const { return counts_[static_cast<size_t>(fault)].load(std::memory_order_relaxed); }
  uint64_t passed_over_count() const { return passed_over_.load(std::memory_order_relaxed); }
  std::optional<Entry> last() const;

 private:
  static constexpr uint32_t kBypassedBit = 1u << 31;
  bool bypass();

  std::atomic<uint32_t> service_{0};  // kBypassedBit | calls that hang
  std::array<std::atomic<uint32_t>, kExtensionPointCount> refused_in_row_{};
  std::atomic<uint32_t> suspensions_{0};
  std::atomic<uint64_t> passed_over_{0};
  std::array<std::atomic<uint64_t>, kFaultCount> counts_{};
  mutable std::mutex mutex_;
  Entry last_;
  bool any_ = false;
};

}  // namespace epp::plugins
