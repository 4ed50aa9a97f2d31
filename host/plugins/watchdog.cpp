#include "plugins/watchdog.h"

#include "plugins/instance.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace epp::plugins {

namespace {

class SystemProbe final : public ThreadProbe {
 public:
  uint64_t cpu_ns(const CallRecord& record) const override {
    timespec spent{};
    if (::clock_gettime(record.cpu_clock, &spent) != 0) return 0;
    return static_cast<uint64_t>(spent.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(spent.tv_nsec);
  }

  // The state is the field behind the name, which stands in parentheses and may hold some itself.
  bool runnable(const CallRecord& record) const override {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", record.thread_id);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    char text[256];
    const ssize_t size = ::read(file, text, sizeof text);
    ::close(file);
    if (size <= 0) return false;
    const auto* const end = static_cast<const char*>(::memrchr(text, ')', static_cast<size_t>(size)));
    return end != nullptr && end + 2 < text + size && end[2] == 'R';
  }
};

uint64_t budget_of(const Instance& instance, ExtensionPoint point) {
  const uint64_t budget = instance.call_budget_ns();
  return budget != 0 && is_main_call(point) ? std::max(budget, kMainCallBudgetNs) : budget;
}

LongCall shown(const CallRecord& record) {
  const WatchedCall& call = record.watched;
  return {*call.instance, call.point, record.thread_id, call.taken_ns, call.hangs};
}

}  // namespace

const ThreadProbe& system_probe() {
  static const SystemProbe probe;
  return probe;
}

Watchdog::Watchdog(LongCallListener& listener, const ThreadProbe& probe) : listener_(listener), probe_(probe) {
  CallBoard::get().watched_by(this);
}

Watchdog::~Watchdog() {
  CallBoard::get().watched_by(nullptr);
  CallBoard::get().for_each([this](CallRecord& record) { let_go(record); });
}

uint64_t Watchdog::look(uint64_t now_ns) {
  const uint64_t step = last_look_ns_ != 0 ? std::min(now_ns - last_look_ns_, kLongestStepNs) : 0;
  last_look_ns_ = now_ns;
  bool active = false;
  CallBoard::get().for_each([&](CallRecord& record) { active = look_at(record, step) || active; });
  return now_ns + (active ? kLookIntervalNs : kIdleIntervalNs);
}

bool Watchdog::look_at(CallRecord& record, uint64_t step_ns) {
  const Instance* const instance = record.instance.load(std::memory_order_acquire);
  const ExtensionPoint point = record.point.load(std::memory_order_acquire);
  const uint64_t serial = record.serial.load(std::memory_order_relaxed);
  WatchedCall& watched = record.watched;
  if (instance != nullptr && instance == watched.instance && serial == watched.serial) {
    watched.point = point;
    charge(record, step_ns);
    return true;
  }
  let_go(record);
  if (instance == nullptr) return std::exchange(record.seen_serial, serial) != serial;
  watched.instance = instance;
  watched.point = point;
  watched.serial = serial;
  watched.cpu_ns = probe_.cpu_ns(record);
  return true;
}

void Watchdog::charge(CallRecord& record, uint64_t step_ns) {
  WatchedCall& call = record.watched;
  const uint64_t cpu = probe_.cpu_ns(record);
  call.taken_ns += probe_.runnable(record) ? std::min(step_ns, cpu - call.cpu_ns) : step_ns;
  call.cpu_ns = cpu;
  if (!call.long_one && call.taken_ns >= kLongCallNs) {
    call.long_one = true;
    listener_.on_long(shown(record));
  }
  const uint64_t budget = budget_of(*call.instance, call.point);
  if (call.hangs || budget == 0 || call.taken_ns < budget) return;
  call.hangs = true;
  // First, so that whoever comes next does not hang as well.
  const bool bypassed = !is_main_call(call.point) && call.instance->ledger().suspend();
  call.instance->count_fault(call.point, Fault::kHung,
                             "still runs after " + std::to_string(call.taken_ns / 1'000'000) + " ms");
  if (bypassed) call.instance->count_bypass(call.point, "calls of it hung");
  listener_.on_hung(shown(record));
}

void Watchdog::let_go(CallRecord& record) {
  const WatchedCall& call = record.watched;
  if (call.hangs && !is_main_call(call.point)) call.instance->ledger().resume();
  if (call.long_one) listener_.on_returned(shown(record));
  record.watched = {};
}

}  // namespace epp::plugins
