// The way of one request from its parsed body to its endpoint: rewrite, objective, hooks, admission, candidates,
// screeners, producers, admitters, scheduling, preparation.
//
// It stops where something answers later (admission, an asynchronous producer) and goes on when told. It never blocks,
// sends nothing and reads no socket: the stream does with the result what it likes.
#pragma once

#include "endpoints/endpoint.h"
#include "lifecycle/admission.h"
#include "lifecycle/candidates.h"
#include "lifecycle/mailbox.h"
#include "lifecycle/outbox.h"
#include "lifecycle/pipeline.h"
#include "lifecycle/request_state.h"
#include "lifecycle/services.h"
#include "request/error.h"
#include "telemetry/trace.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::lifecycle {

/// What comes out for a request that may go on.
struct Route {
  std::string destination;             ///< "host:port", several joined by commas
  endpoints::EndpointPtr target;       ///< the first of them
  std::vector<std::string_view> body;  ///< what is sent on, in pieces
  std::shared_ptr<const void> body_owner;
  std::uint64_t body_size = 0;
  std::vector<std::pair<std::string_view, double>> scores;  ///< host:port -> weighted total; only when asked for
};

class Director {
 public:
  enum class Progress : std::uint8_t { kWaiting, kRouted, kFailed };

  /// All arguments outlive the director. `state.context` has id, path, headers and times; `state.parsed` the body,
  /// whose bytes live as long as `body_owner`.
  Director(const Services& services, const Pipeline& pipeline, RequestState& state, Outbox& outbox,
           std::shared_ptr<Mailbox> mailbox);
  ~Director();
  Director(const Director&) = delete;
  Director& operator=(const Director&) = delete;

  Progress start(const SubsetHint& hint, std::shared_ptr<const void> body_owner, const telemetry::SpanContext& parent,
                 const telemetry::Logger& log);
  /// The mailbox may have something, or the time limit passed.
  Progress on_wake();
  Progress on_timer();
  /// Withdraws from whatever is waited for. Idempotent.
  void cancel();
  /// A dispatched request has ended, with so many tokens if that is known: gives back what it held. Idempotent.
  void end(std::optional<std::int64_t> tokens);

  const Route& route() const { return route_; }
  const request::Error& error() const { return denial_.error; }
  const Denial& denial() const { return denial_; }
  /// It waits to be admitted.
  bool queued() const { return waiting_; }
  /// Pre-request hooks ran: response hooks are due, whatever happens next.
  bool dispatched() const { return dispatched_; }

 private:
  enum class Step : std::uint8_t { kAdmission, kCandidates, kProducers, kScheduling, kOver };

  Progress fail(request::Error error) { return deny(std::move(error)); }
  Progress deny(Denial denial);
  Progress run();
  bool rewrite_model();
  void find_priority();
  bool run_request_header_hooks();
  void finalize_fairness();
  /// kRouted stands for "done, go on".
  Progress begin_admission();
  Progress finish_admission(AdmissionOutcome outcome);
  double saturation();
  bool locate_candidates();
  bool screen();
  Progress run_producers();
  void end_production(epp_status status, std::string_view message, bool passed_over = false);
  bool run_admitters();
  bool schedule();
  bool check_cached_prefix();
  bool prepare();
  void collect_scores(const epp_profile_result& primary);
  bool run_pre_request_hooks(const epp_profile_results& results);
  void enter_account();
  void repackage();
  epp_candidates candidates() const;

  const Services& services_;
  const Pipeline& pipeline_;
  RequestState& state_;
  Outbox& outbox_;
  std::shared_ptr<Mailbox> mailbox_;
  const SubsetHint* hint_ = nullptr;
  telemetry::Logger log_;
  telemetry::Span span_;

  Step step_ = Step::kAdmission;
  std::unique_ptr<flowcontrol::Ticket> ticket_;
  bool waiting_ = false;      // for admission
  std::size_t producer_ = 0;  // the next, or the one waited for
  std::uint64_t token_ = 0;   // of a pending producer
  std::int32_t priority_ = 0;
  double weight_ = 1;
  std::int64_t cost_ = 1;
  bool mutated_ = false;  // the body must name another model
  bool dispatched_ = false;
  Route route_;
  Denial denial_{request::Error{}};
};

}  // namespace epp::lifecycle
