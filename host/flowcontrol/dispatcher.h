// The request queue as the host uses it: the core (core.h), the pool's saturation and the reservations, touched by one
// thread at a time, woken by events only.
//
//   enqueue --------+                              +--> done(verdict) of each request that left the queue, after the
//   poke, on_alarm -+--> a turn: core, policies ---+    turn, on the thread that had it
//   Ticket ---------+                              +--> Alarm::arm(next deadline)
//
// Whoever brings the event that opens the gate dispatches, so a free slot reaches the next waiter without another
// thread; only one who has served others for long leaves the rest to the alarm's. Policies are called in the turn only:
// that is the [dispatcher] contract of the ABI.
//
// Only newcomers wait for the turn of another; all else is left with the one who has it. A policy that hangs (its
// instance is suspended meanwhile) keeps the turn and those that wait in the queue. Newcomers then pass by as if there
// were no queue, or are refused with Cause::kHung if it was holding others back.
#pragma once

#include "flowcontrol/ask.h"
#include "flowcontrol/observer.h"
#include "flowcontrol/options.h"
#include "flowcontrol/outcome.h"
#include "flowcontrol/ticket.h"
#include "flowcontrol/view.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace epp::endpoints {
class AttributeRegistry;
class EndpointTable;
}  // namespace epp::endpoints

namespace epp::flowcontrol {

class Reclaimer;

// A timer of the host. arm() replaces what was armed. When it is due the host calls Dispatcher::on_alarm; a call that
// comes without need does no harm. Called in a turn. [any thread]
class Alarm {
 public:
  virtual ~Alarm() = default;
  virtual void arm(Nanos at) = 0;
};

class Dispatcher {
 public:
  // Runs once for a request that was told to wait, from any thread, without a lock held; perhaps before enqueue has
  // returned. May still run while its ticket is being destroyed, but not for a request that was withdrawn before it was
  // decided. Must not throw.
  using Done = std::function<void(const Verdict&)>;

  struct Answer {
    Verdict verdict;                 // kNotYetFinalized: it waits, `done` tells
    std::unique_ptr<Ticket> ticket;  // null when refused, or let by without the queue's knowledge
  };

  // All arguments outlive the dispatcher. `reclaimer` may be null: nobody is evicted.
  Dispatcher(Options options, endpoints::EndpointTable& table, endpoints::AttributeRegistry& attributes,
             Observer& observer, Alarm& alarm, Reclaimer* reclaimer = nullptr);
  // Every ticket must be gone.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // ---- [any thread, concurrent] ----
  Answer enqueue(const Ask& ask, Done done);
  // Something that a detector looks at may have changed: metrics were read, endpoints came or went, a request ended.
  // Costs one atomic operation while nothing waits.
  void poke();
  void on_alarm();
  // The bands that objectives ask for, beside the static ones.
  void want_bands(std::span<const std::int32_t> priorities);
  // Refuses newcomers and takes out all that wait, with Cause::kShutdown.
  void stop();
  // Another queue for the same pool: `next` is called without a lock whenever capacity may have become free and those
  // that wait here have had their turn. At most once in the dispatcher's life.
  void set_next(std::function<void()> next);

  bool idle() const;  // nothing waits
  bool pool_empty() const;
  // Reads the saturation anew. At most `longest_flows` flows a band. While a policy hangs: what was seen last.
  View view(std::size_t longest_flows = 100) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::flowcontrol
