// The request queue as the host uses it: the core (core.h), the pool's saturation and the reservations behind one lock,
// woken by events only.
//
//   enqueue ----\
//   withdraw ----\                                    /--> done(verdict) of each request that left the queue,
//   scheduled ----> under the lock: core, gate, policies      outside the lock, on the caller's thread
//   poke --------/                                    \--> Alarm::arm(next deadline)
//   on_alarm ---/
//
// Whoever brings the event that opens the gate dispatches, so a free slot reaches the next waiter without another
// thread. Policies are called under the lock: that is the [dispatcher] contract of the ABI.
#pragma once

#include "flowcontrol/observer.h"
#include "flowcontrol/options.h"
#include "flowcontrol/outcome.h"

#include <epp/abi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::endpoints {
class AttributeRegistry;
class EndpointTable;
}  // namespace epp::endpoints

namespace epp::flowcontrol {

class Reclaimer;

// A timer of the host. arm() replaces what was armed; kNever disarms. When it is due the host calls
// Dispatcher::on_alarm. Called under the dispatcher's lock. [any thread]
class Alarm {
 public:
  virtual ~Alarm() = default;
  virtual void arm(Nanos at) = 0;
};

// What a request is to the queue. Views live until the ticket is destroyed.
struct Ask {
  const epp_request* request = nullptr;
  std::string_view fairness_id;  // not empty
  std::int32_t priority = 0;
  std::uint64_t bytes = 0;
  std::int64_t cost = 1;  // estimated tokens
  double weight = 1;      // of its objective
  Nanos received_ns = 0;
  Nanos ttl_ns = 0;  // the request's own limit, 0: the configured one
};

// A request's place: first in the queue, then, once dispatched, in the reservations. Destroying it gives both back.
class Ticket {
 public:
  virtual ~Ticket() = default;
  // The dispatched request goes to this endpoint: live counters show it from here on. [any thread]
  virtual void scheduled(std::uint32_t slot, std::uint64_t uid) = 0;
  // What it really used. [any thread]
  virtual void settle(std::int64_t tokens) = 0;
};

struct FlowView {
  std::string id;
  std::uint64_t length = 0;
  std::uint64_t bytes = 0;
  Nanos oldest_wait_ns = 0;
};

struct BandView {
  std::int32_t priority = 0;
  std::uint64_t length = 0, bytes = 0, max_requests = 0, max_bytes = 0;
  std::uint64_t flows = 0, active_flows = 0;
  Nanos oldest_wait_ns = 0;
  double ceiling = 1.0;
  bool open = true;
  std::vector<FlowView> longest_flows;  // at most 100, longest first
};

// The queue at one moment, for operators.
struct View {
  std::uint64_t length = 0, bytes = 0, max_requests = 0, max_bytes = 0;
  bool pool_empty = false;
  double saturation = 0;  // effective
  std::optional<double> prefill_saturation, decode_saturation;
  std::uint64_t undecided = 0, unseen = 0;  // reservations
  std::vector<BandView> bands;              // highest priority first
  std::string closed_because;               // empty: the gate is open
};

class Dispatcher {
 public:
  // Runs once for a request that was told to wait, from any thread, without a lock held. May still run while its ticket
  // is being destroyed, but not for a request that was withdrawn before it was decided.
  using Done = std::function<void(const Verdict&)>;

  struct Answer {
    Verdict verdict;                 // kNotYetFinalized: it waits, `done` tells
    std::unique_ptr<Ticket> ticket;  // null when refused
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
  // Costs one atomic read while nothing waits.
  void poke();
  void on_alarm();
  // The bands that objectives ask for, beside the static ones.
  void want_bands(std::span<const std::int32_t> priorities);
  // Refuses newcomers and takes out all that wait, with Cause::kShutdown.
  void stop();

  bool idle() const;  // nothing waits
  bool pool_empty() const;
  View view() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::flowcontrol
