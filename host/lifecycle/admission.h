// May a request be scheduled now? The gate between parsing and scheduling, and the account of what went through it.
#pragma once

#include "flowcontrol/reclaimer.h"
#include "flowcontrol/ticket.h"
#include "request/error.h"

#include <epp/ext/eviction.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::plugins {
class RequestContext;
}

namespace epp::lifecycle {

/// Why a request may not go on, and what the client is told beside it.
struct Denial {
  Denial(request::Error why) : error(std::move(why)) {}  // NOLINT(google-explicit-constructor): an error is one

  request::Error error;
  std::vector<std::pair<std::string, std::string>> headers;  ///< more of the answer's; lower-case names
};

/// nullopt: admitted.
using AdmissionOutcome = std::optional<Denial>;

struct AdmissionRequest {
  const plugins::RequestContext* context = nullptr;  ///< id, models, headers; alive until the ticket is gone
  std::string_view fairness_id;                      ///< likewise
  std::int32_t priority = 0;
  double weight = 1;         ///< > 0; of its objective
  std::uint64_t bytes = 0;   ///< of the body
  std::int64_t cost = 1;     ///< estimated_tokens()
  std::uint64_t ttl_ns = 0;  ///< until the proxy gives up; 0: it does not say
  /// Saturation (1.0 and more: full) of the endpoints that the request may go to right now. Only during admit().
  std::function<double()> saturation;
};

/// The footprint of a request before it has run, in tokens: a quarter of the body's bytes, and the most that the client
/// lets the model write if it says so (up to 128 Ki: a client's number must not close the gate for others). At least 1.
/// `max_output_tokens` < 0: the client does not say.
std::int64_t estimated_tokens(std::uint64_t body_bytes, std::int64_t max_output_tokens);

/// Who waits for the answer.
class AdmissionReceiver {
 public:
  virtual ~AdmissionReceiver() = default;
  /// [any thread; must only hand it over]
  virtual void on_admission(AdmissionOutcome outcome) = 0;
};
using AdmissionReceiverPtr = std::shared_ptr<AdmissionReceiver>;

/// [any thread, concurrent; must not block]
class Admission {
 public:
  struct Answer {
    bool waiting = false;                         ///< the receiver is told later, once, from any thread
    AdmissionOutcome outcome;                     ///< meaningful unless it waits
    std::unique_ptr<flowcontrol::Ticket> ticket;  ///< kept until the request has ended; null if nothing is held
  };

  virtual ~Admission() = default;
  virtual Answer admit(const AdmissionRequest& request, const AdmissionReceiverPtr& receiver) = 0;
  /// Live counters fell outside of any ticket's end. Free of cost while nobody waits.
  virtual void capacity_changed() {}
};

/// Without flow control: sheddable requests (priority < 0) are refused while saturation >= 1.0, all others pass.
class SheddingAdmission final : public Admission {
 public:
  Answer admit(const AdmissionRequest& request, const AdmissionReceiverPtr& receiver) override;
};

/// Knows the requests that could be evicted. [any thread, concurrent]
class InFlight {
 public:
  virtual ~InFlight() = default;
  /// Views in `request` are copied. Its serial is unique in this process, unlike the id that a client chooses.
  virtual void track(const epp_running_request& request, std::shared_ptr<flowcontrol::Evictable> signal) = 0;
  /// Body pieces that came back so far; told at every power of two.
  virtual void progressed(std::uint64_t serial, std::uint64_t response_chunks) = 0;
  virtual void untrack(std::uint64_t serial) = 0;
};

}  // namespace epp::lifecycle
