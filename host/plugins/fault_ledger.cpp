#include "plugins/fault_ledger.h"

#include "plugins/clock.h"

namespace epp::plugins {

void FaultLedger::enter(ExtensionPoint point, Fault fault, std::string_view message) {
  counts_[static_cast<size_t>(fault)].fetch_add(1, std::memory_order_relaxed);
  const uint64_t now = clock().wall_ns();
  const std::scoped_lock lock(mutex_);
  any_ = true;
  last_.point = point;
  last_.fault = fault;
  last_.message.assign(message);
  last_.wall_ns = now;
}

bool FaultLedger::bypass() {
  return (service_.fetch_or(kBypassedBit, std::memory_order_relaxed) & kBypassedBit) == 0;
}

bool FaultLedger::refuse(ExtensionPoint point) {
  auto& in_row = refused_in_row_[static_cast<size_t>(point)];
  return in_row.fetch_add(1, std::memory_order_relaxed) + 1 >= kBypassAfterFaults && bypass();
}

bool FaultLedger::suspend() {
  const bool first = (service_.fetch_add(1, std::memory_order_relaxed) & ~kBypassedBit) == 0;
  return first && suspensions_.fetch_add(1, std::memory_order_relaxed) + 1 >= kBypassAfterHangs && bypass();
}

std::optional<FaultLedger::Entry> FaultLedger::last() const {
  const std::scoped_lock lock(mutex_);
  return any_ ? std::optional(last_) : std::nullopt;
}

}  // namespace epp::plugins
