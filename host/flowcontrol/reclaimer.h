// Stops running requests to make room for waiting ones of a higher priority: which, how many, how fast.
//
// Stop and wait: a decision is made only when every request stopped before has ended (or was given up after
// `confirm_timeout_ns`) and then a grace has passed in which readings catch up:
//
//   decision -> signal -> ... -> untrack: confirmed -> cooling for grace_ns -> next decision
//                         \--> confirm_timeout_ns: timed out ----^
//
// Victims are evictable requests of a priority below the demand's, in the order of the ordering policy. A request is
// known by its serial: ids are chosen by clients and may be given twice.
#pragma once

#include "flowcontrol/outcome.h"
#include "plugins/instance.h"

#include <epp/ext/eviction.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace epp::flowcontrol {

// Tells one running request to stop, once. Called from the dispatcher, mostly in its turn: an implementation leaves
// a message for the request's own thread and returns. It must not call the dispatcher, nor wait for a lock whose holder
// may. A request that has ended meanwhile ignores it. Must not throw. [any thread]
class Evictable {
 public:
  virtual ~Evictable() = default;
  virtual void evict(std::string_view reason) = 0;
};

// The reason given to those that are stopped.
inline constexpr std::string_view kEvictedReason = "evicted";

// Told under the reclaimer's lock: must be quick and must not call back.
class ReclaimObserver {
 public:
  virtual ~ReclaimObserver() = default;
  virtual void issued(std::int32_t demand_priority) = 0;  // one request was told to stop
  virtual void confirmed(Nanos took) = 0;                 // it ended
  virtual void timed_out() = 0;                           // it did not within the confirmation time
  // In units of saturation: by how much the last decision found the pool too full, and what those stopped since are
  // expected to free, not yet visible in readings. Both are 0 when the last of them has cooled.
  virtual void sized(double target, double pending) = 0;
};

struct ReclaimOptions {
  // Serves epp.eviction-filter/0. Without one requests of negative priority are evictable; while it is bypassed no new
  // request is.
  plugins::InstancePtr filter = nullptr;
  // Serves epp.eviction-ordering/1. Without one, while it is bypassed, and for two requests that it puts before each
  // other: lowest priority first, then the latest dispatch.
  plugins::InstancePtr ordering = nullptr;
  // Until readings show the end of a request: 10 ms or so for live counters, else the age of a reading that the
  // detector still believes and one refresh interval.
  Nanos grace_ns = 500'000'000;
  Nanos confirm_timeout_ns = 10'000'000'000;
  unsigned max_per_decision = 2;
  bool operator==(const ReclaimOptions&) const = default;
};

// How much is to be freed, from what.
struct ReclaimSizing {
  std::size_t running = 0;    // all requests that make the saturation up
  std::size_t evictable = 0;  // of them
  double saturation = 0;
  double ceiling = 1;
  double pending = 0;  // already on its way, in units of saturation
};

// The number of requests to stop. Each is taken to free saturation / running:
//   min(max(1, ceil((saturation - ceiling - pending) / (saturation / running))), max_per_decision, evictable)
// At the ceiling exactly that is 1, as the gate is still closed there; below it, or with nothing known to free, 0.
unsigned evictions_for(const ReclaimSizing& sizing, unsigned max_per_decision);

// [any thread, concurrent] Its lock is a leaf: it may be taken in the dispatcher's turn, and under it only the observer
// is called. Policies are called and signals sent when it is free, so that a policy that hangs keeps nobody but its
// caller.
class Reclaimer {
 public:
  struct Demand {
    double saturation = 0;
    double ceiling = 1;
    std::int32_t priority = 0;
  };

  struct Status {
    std::size_t running = 0;
    std::size_t evictable = 0;
    std::size_t outstanding = 0;  // told to stop, not yet ended
    std::size_t cooling = 0;      // ended, not yet visible in readings
    double pending = 0;
  };

  // The observer outlives this.
  Reclaimer(ReclaimOptions options, ReclaimObserver& observer);
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // The request runs. Views in `request` are copied; its serial is new. Before the dispatcher is told that it was
  // scheduled, so that it can be a victim of the turn that this starts. `signal` is kept until untrack or eviction.
  void track(const epp_running_request& request, std::shared_ptr<Evictable> signal);
  void progressed(std::uint64_t serial, std::uint64_t response_chunks);
  // It ended, by itself or because it was told to. Before its ticket is given back: the dispatcher's turn that follows
  // then knows when to look again. Unknown serials are ignored.
  void untrack(std::uint64_t serial, Nanos now);

  // The lowest priority of an evictable request, if a decision may be made now. Only demand above it can be helped.
  std::optional<std::int32_t> victim_priority(Nanos now);
  // Decides and signals. Returns the number of requests told to stop. [one at a time]
  unsigned reclaim(const Demand& demand, Nanos now);
  // When pacing allows the next decision if no other request ends before; kNever when it allows one now.
  Nanos next_decision(Nanos now);
  Status status(Nanos now);
  // The policy that reclaim() asks; may be null.
  const plugins::Instance* ordering() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::flowcontrol
