// The queue itself: who waits, who goes next, who is turned away. No lock, no clock, no I/O: it is told what happened
// and when, and decides.
//
//   bands (by priority) -> lanes (by need, usually one) -> flows (by fairness id) -> requests (by the ordering policy)
//
//   new --enqueue--> waiting --dispatch--> dispatched --release--> gone
//    |                  |--expire, displacement, stop-------------> gone   (see decided())
//    |                  \--withdraw-------------------------------> gone
//    \--refused----------------------------------------------------> gone
//
// Every request ends exactly once, in item.verdict and Observer::ended. All times given to it must not go back.
#pragma once

#include "flowcontrol/ask.h"
#include "flowcontrol/bands.h"
#include "flowcontrol/capacity.h"
#include "flowcontrol/deadlines.h"
#include "flowcontrol/item.h"
#include "flowcontrol/observer.h"
#include "flowcontrol/options.h"
#include "flowcontrol/saturation.h"
#include "flowcontrol/view.h"
#include "plugins/instance.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace epp::flowcontrol {

class Core {
 public:
  // Both outlive the core.
  Core(const Options& options, Observer& observer);
  // Every item must be gone.
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // ---- events ----
  // The pool has endpoints or has none: a change gives all that wait a fresh time to live, the one of the new regime.
  void set_pool_empty(bool empty, Nanos now);
  // Queues a new item or refuses it: its verdict says which. `asked_ns` is when the request asked, `now` when its turn
  // has come.
  void enqueue(Item& item, const Ask& ask, Nanos asked_ns, Nanos now);
  // The client of a waiting request went away.
  void withdraw(Item& item, Nanos now);
  // Takes out all whose time is over.
  void expire(Nanos now);
  // One cycle: the request that goes now, or null when all bands that have work are gated.
  Item* dispatch(const Saturation& saturation, Nanos now);
  // What a dispatched request really used, told once at most.
  void settle(const Item& item, std::int64_t tokens);
  // A dispatched request is over.
  void release(Item& item, Nanos now);
  void want_bands(std::span<const std::int32_t> priorities, Nanos now) { bands_.want(priorities, now); }
  void collect(Nanos now) { bands_.collect(now); }
  // Refuses newcomers from now on and takes out all that wait.
  void stop(Nanos now);

  // Waiting requests that were taken out by expire, stop, or a newcomer of a higher band. The caller empties it.
  std::vector<Item*>& decided() { return decided_; }

  // ---- state ----
  std::uint64_t waiting() const { return waiting_.requests; }
  bool pool_empty() const { return pool_empty_; }
  // When expire() has something to do.
  Nanos next_deadline() const { return deadlines_.next(); }
  // When collect() has.
  Nanos next_collection() const { return bands_.next_collection(); }
  // How long after the last dispatch() usage limits want another one although nothing happened; 0: no need.
  Nanos look_again_ns() const { return look_again_ns_; }

  // The highest band that waits behind a closed gate and is above `victim_priority`, after a dispatch() that gave null:
  // the one that running requests may be stopped for.
  struct Demand {
    std::int32_t priority = 0;
    double ceiling = 1;
  };
  std::optional<Demand> demand_above(std::int32_t victim_priority, const Saturation& saturation) const;

  // Fills bands, totals and the gate's state; at most `longest_flows` flows a band.
  void describe(View& view, const Saturation& saturation, std::size_t longest_flows, Nanos now) const;

 private:
  bool make_room(const Band& band, std::uint64_t bytes, Nanos now);
  void displace(Totals over, Nanos now);
  Limits limits_of_low_bands() const;
  void insert(Item& item);
  // Takes a waiting item out of everything but its flow's users.
  void remove(Item& item);
  void evict(Item& item, Outcome outcome, Cause cause, Nanos now);
  void end(Item& item, Verdict verdict, Nanos now);
  void leave_flow(Item& item, Nanos now);
  Nanos time_limit(const Item& item) const;
  Nanos due(const Item& item) const { return std::min(item.latest, time_limit(item)); }
  void update_gates(const Saturation& saturation);
  bool closes(const Band& band, std::size_t lane, const Saturation& saturation) const;
  std::size_t lane_index(Needs needs) const { return gate_per_stage_ ? static_cast<std::size_t>(needs) : 0; }
  std::size_t lane_count() const { return gate_per_stage_ ? kNeedsCount : 1; }

  const Options& options_;
  Observer& observer_;
  const bool gate_per_stage_;
  plugins::ErrorBuffer error_;
  BandTable bands_;
  Deadlines deadlines_;

  Totals waiting_;
  Totals waiting_low_;  // in bands of priority 0 and below
  bool pool_empty_ = false;
  Nanos pool_changed_ = 0;
  bool stopped_ = false;
  std::uint64_t last_arrival_ = 0;
  std::vector<double> ceilings_;
  Nanos look_again_ns_ = 0;
  std::vector<Item*> decided_;
};

}  // namespace epp::flowcontrol
