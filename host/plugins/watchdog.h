// Finds the plugin calls that have taken longer than their budget while they still run.
//
// A call is measured from the first look that sees it, so that it is never called hung too early, and by at most two
// looks' time too late. What a thread waits for a core does not count: while it is runnable it is charged the processor
// time that it got, while it sleeps the time that passed; and a look that comes late itself charges no more than
// kLongestStepNs. So neither a busy machine nor a stopped process makes a plugin look bad.
#pragma once

#include "plugins/call_board.h"
#include "plugins/fault.h"

#include <cstdint>

namespace epp::plugins {

// Time between two looks.
inline constexpr uint64_t kLookIntervalNs = 5'000'000;
inline constexpr uint64_t kIdleIntervalNs = 5 * kLookIntervalNs;
inline constexpr uint64_t kLongestStepNs = 4 * kLookIntervalNs;
// A call that has taken this long keeps its thread from others: no fault yet, but somebody else should do their work.
inline constexpr uint64_t kLongCallNs = 4'000'000;
inline constexpr uint64_t kDefaultCallBudgetNs = 50'000'000;
inline constexpr uint64_t kMainCallBudgetNs = 2'000'000'000;

struct LongCall {
  const Instance& instance;
  ExtensionPoint point;
  int32_t thread_id;  // the kernel's
  uint64_t taken_ns;  // so far
  bool hangs;         // was beyond its budget
};

// Told on the thread that looks, under the board's mutex: must not wait for a plugin call.
class LongCallListener {
 public:
  virtual ~LongCallListener() = default;
  // It takes longer than kLongCallNs: once, before anything else about it.
  virtual void on_long(const LongCall& call) = 0;
  // It is beyond its budget: counted, and unless it is a main call its instance suspended.
  virtual void on_hung(const LongCall& call) = 0;
  // A long call has returned. If it hung, its instance is back in service, unless another call of it hangs or it is
  // bypassed.
  virtual void on_returned(const LongCall& call) = 0;
};

// What is known of a thread from outside.
class ThreadProbe {
 public:
  virtual ~ThreadProbe() = default;
  virtual uint64_t cpu_ns(const CallRecord& record) const = 0;
  virtual bool runnable(const CallRecord& record) const = 0;  // has a core or waits for one
};
const ThreadProbe& system_probe();

// At most one in a process.
class Watchdog {
 public:
  explicit Watchdog(LongCallListener& listener, const ThreadProbe& probe = system_probe());
  // Lets go of the calls that hang.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // By one thread. Returns when it is to look again: kLookIntervalNs after `now_ns`, or kIdleIntervalNs when no call
  // was made since the last look.
  uint64_t look(uint64_t now_ns);
  // The call that was seen in the record has returned. [under the board's mutex]
  void let_go(CallRecord& record);

 private:
  // False: nothing was called.
  bool look_at(CallRecord& record, uint64_t step_ns);
  void charge(CallRecord& record, uint64_t step_ns);

  LongCallListener& listener_;
  const ThreadProbe& probe_;
  uint64_t last_look_ns_ = 0;
};

}  // namespace epp::plugins
