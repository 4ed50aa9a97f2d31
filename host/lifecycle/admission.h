// May a request be scheduled now? The gate between parsing and scheduling.
#pragma once

#include "request/error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace epp::plugins {
class RequestContext;
}

namespace epp::lifecycle {

/// nullopt: admitted.
using AdmissionOutcome = std::optional<request::Error>;

struct AdmissionRequest {
  const plugins::RequestContext* context = nullptr;  ///< id, models, headers; alive until the outcome or the cancel
  std::string_view fairness_id;
  std::int32_t priority = 0;
  std::uint64_t bytes = 0;  ///< of the body
  /// Saturation (1.0 and more: full) of the endpoints that the request may go to right now. Only during admit().
  std::function<double()> saturation;
};

/// A request that waits. Destroying it withdraws the request: afterwards `done` neither runs nor will run.
class AdmissionTicket {
 public:
  virtual ~AdmissionTicket() = default;
};

/// [any thread, concurrent; must not block]
class Admission {
 public:
  using Done = std::function<void(AdmissionOutcome)>;

  struct Answer {
    AdmissionOutcome outcome;                 ///< meaningful without a ticket
    std::unique_ptr<AdmissionTicket> ticket;  ///< not null: `done` is called later, once, from any thread
  };

  virtual ~Admission() = default;
  virtual Answer admit(const AdmissionRequest& request, Done done) = 0;
};

/// Without flow control: sheddable requests (priority < 0) are refused while saturation >= 1.0, all others pass.
class SheddingAdmission final : public Admission {
 public:
  Answer admit(const AdmissionRequest& request, Done done) override;
};

/// Tells one stream in flight to give its place up. [any thread] May outlive the stream.
class EvictionSignal {
 public:
  virtual ~EvictionSignal() = default;
  /// `reason` becomes the drop-reason header; empty: no header. Only the first call counts.
  virtual void evict(std::string_view reason) = 0;
};

/// Knows the requests that could be evicted. [any thread, concurrent]
class InFlight {
 public:
  virtual ~InFlight() = default;
  /// `serial` is unique in this process, unlike the request id that a client chooses.
  virtual void track(std::uint64_t serial, const plugins::RequestContext& context, std::int32_t priority,
                     std::shared_ptr<EvictionSignal> signal) = 0;
  virtual void untrack(std::uint64_t serial) = 0;
};

}  // namespace epp::lifecycle
