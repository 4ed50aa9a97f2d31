// Admission by flow control: the request queue as the request path sees it, and its verdicts as clients see them.
#pragma once

#include "flowcontrol/dispatcher.h"
#include "flowcontrol/reclaimer.h"
#include "lifecycle/admission.h"
#include "lifecycle/drain_rate.h"

#include <cstdint>
#include <memory>

namespace epp::lifecycle {

/// What upstream does not do.
struct FlowAdmissionOptions {
  /// The headers x-llm-d-request-ttl-ms, else x-llm-d-slo-ttft-ms, limit how long the request may wait.
  bool request_deadlines = false;
  /// Prompts estimated below so many tokens are prefilled where they are decoded: they do not wait for the prefill
  /// stage. Counts only where the dispatcher gates per stage.
  std::int64_t decode_only_below_tokens = 0;
  bool retry_after = false;     ///< `retry-after` with refusals
  bool queue_position = false;  ///< `x-epp-queue-position`: requests ahead when the queue refused
  bool operator==(const FlowAdmissionOptions&) const = default;
};

/// The refusal of a verdict that is neither kDispatched nor kNotYetFinalized; anything else is an internal error.
/// `pool_empty`: right now.
request::Error refusal_of(const flowcontrol::Verdict& verdict, bool pool_empty);

/// Every request asks the dispatcher, which outlives this.
class FlowAdmission final : public Admission {
 public:
  explicit FlowAdmission(flowcontrol::Dispatcher& dispatcher, FlowAdmissionOptions options = {})
      : dispatcher_(dispatcher), options_(options) {}

  Answer admit(const AdmissionRequest& request, const AdmissionReceiverPtr& receiver) override;
  void capacity_changed() override { dispatcher_.poke(); }

 private:
  AdmissionOutcome outcome_of(const flowcontrol::Verdict& verdict);
  void add_headers(const flowcontrol::Verdict& verdict, Denial& denial);

  flowcontrol::Dispatcher& dispatcher_;
  const FlowAdmissionOptions options_;
  DrainRate drain_;
};

/// Running requests, for the reclaimer, which outlives this.
class ReclaimableInFlight final : public InFlight {
 public:
  explicit ReclaimableInFlight(flowcontrol::Reclaimer& reclaimer) : reclaimer_(reclaimer) {}

  void track(const epp_running_request& request, std::shared_ptr<flowcontrol::Evictable> signal) override;
  void progressed(std::uint64_t serial, std::uint64_t response_chunks) override;
  void untrack(std::uint64_t serial) override;

 private:
  flowcontrol::Reclaimer& reclaimer_;
};

}  // namespace epp::lifecycle
