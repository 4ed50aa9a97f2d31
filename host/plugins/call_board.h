// Which plugin calls are under way: one record for each thread that makes any, for the watchdog to look at.
//
// Marking a call is four plain stores on entry and one on exit, to memory that no other thread writes. No clock is
// read: the watchdog measures from its own first sight of a call.
//
// An instance that a record shows exists, as long as the board's mutex is held: before an instance is freed it passes
// through forget(), when all its calls have ended.
#pragma once

#include "plugins/fault.h"

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <vector>

namespace epp::plugins {

class Instance;
class Watchdog;

// What the watchdog knows of the call that it saw last in a record.
struct WatchedCall {
  const Instance* instance = nullptr;  // null: none was under way
  ExtensionPoint point{};
  uint64_t serial = 0;
  uint64_t taken_ns = 0;  // time that the call has had, without waiting for a core
  uint64_t cpu_ns = 0;    // of the thread, at the last look
  bool long_one = false;  // longer than kLongCallNs
  bool hangs = false;     // beyond its budget
};

struct alignas(64) CallRecord {
  // Written by its thread: serial, point, then instance; read in the opposite order.
  std::atomic<const Instance*> instance{nullptr};  // null: no call
  std::atomic<uint64_t> serial{0};
  std::atomic<ExtensionPoint> point{};
  uint64_t last_serial = 0;  // the thread's own

  int32_t thread_id = 0;  // the kernel's
  clockid_t cpu_clock{};
  WatchedCall watched;       // the watchdog's
  uint64_t seen_serial = 0;  // likewise
};

class CallBoard {
 public:
  static CallBoard& get();

  // The calling thread's record; null while the thread ends.
  static CallRecord* record() {
    CallRecord* const mine = mine_;
    return mine != nullptr ? mine : join();
  }

  // No call of `instance` is under way or will be: it is about to be freed.
  void forget(const Instance& instance);
  // Who is told before an instance is freed; nullptr: nobody any more.
  void watched_by(Watchdog* watchdog);

  // Calls `look` for every record, under the mutex.
  template <typename Look>
  void for_each(Look&& look) {
    const std::scoped_lock lock(mutex_);
    for (const auto& record : records_)
      look(*record);
  }

 private:
  struct Membership;
  static CallRecord* join();

  inline static thread_local constinit CallRecord* mine_ = nullptr;
  std::mutex mutex_;
  std::vector<std::unique_ptr<CallRecord>> records_;
  Watchdog* watchdog_ = nullptr;
};

// Shows a call while it lives. Calls may be nested: the outer one is shown again afterwards.
class CallMark {
 public:
  CallMark(const Instance& instance, ExtensionPoint point) : record_(CallBoard::record()) {
    if (record_ == nullptr) return;
    outer_ = record_->instance.load(std::memory_order_relaxed);
    if (outer_ != nullptr) [[unlikely]] {
      outer_serial_ = record_->serial.load(std::memory_order_relaxed);
      outer_point_ = record_->point.load(std::memory_order_relaxed);
    }
    show(&instance, ++record_->last_serial, point);
  }
  ~CallMark() {
    if (record_ == nullptr) return;
    if (outer_ != nullptr) [[unlikely]] {
      show(outer_, outer_serial_, outer_point_);
    } else {
      record_->instance.store(nullptr, std::memory_order_release);
    }
  }
  CallMark(const CallMark&) = delete;
  CallMark& operator=(const CallMark&) = delete;

 private:
  void show(const Instance* instance, uint64_t serial, ExtensionPoint point) {
    record_->serial.store(serial, std::memory_order_relaxed);
    record_->point.store(point, std::memory_order_release);
    record_->instance.store(instance, std::memory_order_release);
  }

  CallRecord* const record_;
  const Instance* outer_ = nullptr;
  uint64_t outer_serial_ = 0;
  ExtensionPoint outer_point_{};
};

}  // namespace epp::plugins
