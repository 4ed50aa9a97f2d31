#include "lifecycle/flow_admission.h"

#include "lifecycle/errors.h"
#include "lifecycle/headers.h"
#include "plugins/environment.h"
#include "plugins/request_context.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace epp::lifecycle {
namespace {

using flowcontrol::Cause;
using flowcontrol::Outcome;
using flowcontrol::Verdict;
using request::Error;
using request::ErrorCode;

constexpr std::string_view kExpired = "rejected-ttl-expired";
constexpr std::string_view kShuttingDown = "rejected-shutting-down";

constexpr double kLongestRetrySeconds = 60;
constexpr std::uint64_t kLongestTtlMs = std::uint64_t{365} * 24 * 3600 * 1000;

Error exhausted(std::string message, std::string_view reason) {
  return {ErrorCode::kResourceExhausted, std::move(message), std::string(reason)};
}

Error unavailable(std::string message, std::string_view reason) {
  return {ErrorCode::kServiceUnavailable, std::move(message), std::string(reason)};
}

// RejectedOther and EvictedOther.
Error other(const Verdict& verdict) {
  const std::string prefix =
      verdict.outcome == Outcome::kEvictedOther ? "request evicted from queue: " : "request rejected pre-queue: ";
  switch (verdict.cause) {
    case Cause::kShutdown:
      return unavailable("flow controller shutting down: " + prefix + "flow controller is not running", kShuttingDown);
    case Cause::kDisplaced:
      return exhausted(prefix + "displaced by a request of a higher priority", kReasonSaturated);
    case Cause::kHung:
      return unavailable(prefix + "a flow-control policy does not answer", kReasonSaturated);
    case Cause::kNone:
    case Cause::kInternal:
      break;
  }
  return {ErrorCode::kInternal, "internal flow control error: " + prefix + "internal error", {}};
}

// Milliseconds in a header; 0 when there is no usable number.
std::uint64_t milliseconds(const std::string* text) {
  if (text == nullptr) return 0;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? std::min(value, kLongestTtlMs) : 0;
}

std::uint64_t requested_ttl_ns(const plugins::HeaderMap& headers) {
  std::uint64_t ms = milliseconds(headers.find(header::kRequestTtl));
  if (ms == 0) ms = milliseconds(find_with_alias(headers, header::kTtftSlo, header::kTtftSloAlias));
  return ms * 1'000'000;
}

}  // namespace

Error refusal_of(const Verdict& verdict, bool pool_empty) {
  switch (verdict.outcome) {
    case Outcome::kRejectedCapacity:
      return exhausted("request rejected pre-queue: queue at capacity", kReasonSaturated);
    case Outcome::kRejectedNoEndpoints:
      return unavailable("no endpoints available: request rejected pre-queue: no endpoints available",
                         kReasonNoEndpoints);
    case Outcome::kEvictedTtl:
      return pool_empty
                 ? unavailable(
                       "request timed out in queue and no endpoints are available: request evicted from "
                       "queue: request TTL expired",
                       kReasonNoEndpoints)
                 : exhausted("request timed out in queue: request evicted from queue: request TTL expired", kExpired);
    case Outcome::kEvictedNoEndpoints:
      return unavailable(
          "request timed out in queue and no endpoints are available: request evicted from queue: request TTL expired: "
          "no endpoints available",
          kReasonNoEndpoints);
    case Outcome::kEvictedContextCancelled:
      return client_gone();
    case Outcome::kRejectedOther:
    case Outcome::kEvictedOther:
      return other(verdict);
    case Outcome::kNotYetFinalized:
    case Outcome::kDispatched:
      break;
  }
  return {ErrorCode::kInternal, "unhandled flow control outcome: request rejected by flow control", {}};
}

Admission::Answer FlowAdmission::admit(const AdmissionRequest& request, const AdmissionReceiverPtr& receiver) {
  const epp_request* abi = request.context->abi();
  flowcontrol::Ask ask;
  ask.request = abi;
  ask.fairness_id = request.fairness_id;
  ask.priority = request.priority;
  ask.bytes = request.bytes;
  ask.cost = request.cost;
  ask.weight = request.weight;
  ask.received_ns = abi->received_ns;
  ask.ttl_ns = request.ttl_ns;
  if (estimated_tokens(request.bytes, -1) < options_.decode_only_below_tokens) ask.needs = flowcontrol::Needs::kDecode;
  if (options_.request_deadlines) {
    const std::uint64_t wanted = requested_ttl_ns(request.context->headers);
    if (wanted != 0 && (ask.ttl_ns == 0 || wanted < ask.ttl_ns)) ask.ttl_ns = wanted;
  }
  flowcontrol::Dispatcher::Answer placed = dispatcher_.enqueue(
      ask, [this, receiver](const Verdict& verdict) { receiver->on_admission(outcome_of(verdict)); });

  Answer answer;
  answer.waiting = placed.verdict.outcome == Outcome::kNotYetFinalized;
  if (!answer.waiting) answer.outcome = outcome_of(placed.verdict);
  answer.ticket = std::move(placed.ticket);
  return answer;
}

AdmissionOutcome FlowAdmission::outcome_of(const Verdict& verdict) {
  if (verdict.outcome == Outcome::kDispatched) {
    if (options_.retry_after) drain_.departed(plugins::clock().now_ns());
    return std::nullopt;
  }
  Denial denial = refusal_of(verdict, verdict.outcome == Outcome::kEvictedTtl && dispatcher_.pool_empty());
  add_headers(verdict, denial);
  return denial;
}

void FlowAdmission::add_headers(const Verdict& verdict, Denial& denial) {
  const ErrorCode code = denial.error.code;
  if (code != ErrorCode::kResourceExhausted && code != ErrorCode::kServiceUnavailable) return;
  if (options_.retry_after) {
    // When those ahead will have gone, at the present pace.
    const double rate = drain_.per_second(plugins::clock().now_ns());
    const double seconds = std::ceil(static_cast<double>(verdict.queued_before + 1) / std::max(rate, 1e-9));
    const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 1.0, kLongestRetrySeconds));
    denial.headers.emplace_back(header::kRetryAfter, std::to_string(whole));
  }
  const bool refused =
      verdict.outcome == Outcome::kRejectedCapacity || verdict.outcome == Outcome::kRejectedNoEndpoints;
  if (options_.queue_position && refused)
    denial.headers.emplace_back(header::kQueuePosition, std::to_string(verdict.queued_before));
}

void ReclaimableInFlight::track(const epp_running_request& request, std::shared_ptr<flowcontrol::Evictable> signal) {
  reclaimer_.track(request, std::move(signal));
}

void ReclaimableInFlight::progressed(std::uint64_t serial, std::uint64_t response_chunks) {
  reclaimer_.progressed(serial, response_chunks);
}

void ReclaimableInFlight::untrack(std::uint64_t serial) {
  reclaimer_.untrack(serial, plugins::clock().now_ns());
}

}  // namespace epp::lifecycle
