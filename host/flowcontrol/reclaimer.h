// Stops running requests to make room for waiting ones of a higher priority: which, how many, how fast.
//
// Stop and wait: a decision is made only when every request stopped before has ended (or was given up after
// `confirm_timeout_ns`) and a grace has passed in which readings catch up. A decision stops
//   n = min(max(1, ceil((saturation - ceiling - pending) / (saturation / running))), max_per_decision, evictable)
// requests, lowest priority first by the ordering policy, never one of the demand's priority or above.
#pragma once

#include "flowcontrol/outcome.h"
#include "plugins/instance.h"

#include <epp/ext/eviction.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace epp::flowcontrol {

// Tells one running request to stop. [any thread]
class Evictable {
 public:
  virtual ~Evictable() = default;
  virtual void evict(std::string_view reason) = 0;
};

class ReclaimObserver {
 public:
  virtual ~ReclaimObserver() = default;
  virtual void issued(std::int32_t demand_priority) = 0;
  virtual void confirmed(Nanos took) = 0;
  virtual void timed_out() = 0;
  virtual void sized(double target, double pending) = 0;
};

struct ReclaimOptions {
  plugins::InstancePtr filter;    // serves epp.eviction-filter/0
  plugins::InstancePtr ordering;  // serves epp.eviction-ordering/0
  Nanos grace_ns = 500'000'000;
  Nanos confirm_timeout_ns = 10'000'000'000;
  unsigned max_per_decision = 2;
};

// [any thread, concurrent]; its own lock, which is a leaf: it may be taken under the dispatcher's.
class Reclaimer {
 public:
  struct Demand {
    double saturation = 0;
    double ceiling = 1;
    std::int32_t priority = 0;
  };

  Reclaimer(ReclaimOptions options, ReclaimObserver& observer);
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // The request runs; views in `request` are copied. `signal` is kept until untrack.
  void track(const epp_running_request& request, std::shared_ptr<Evictable> signal);
  void progressed(std::uint64_t serial, std::uint64_t response_chunks);
  // It ended, by itself or because it was told to.
  void untrack(std::uint64_t serial, Nanos now);

  // Priority of the weakest evictable request, if a decision may be made now. The dispatcher looks only at bands above.
  std::optional<std::int32_t> victim_priority(Nanos now);
  // Decides and signals. Returns the number of requests told to stop.
  unsigned reclaim(const Demand& demand, Nanos now);
  // When pacing allows the next decision, if that is a matter of time; kNever otherwise.
  Nanos next_decision(Nanos now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::flowcontrol
