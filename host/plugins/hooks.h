// Calling each hook of an instance: error buffer, phase, timing, and what a fault is replaced by.
//
// Callers check that the instance serves the point (its table pointer). None of these throws, nor lets through what a
// plugin throws: that is a fault. A negative status comes with its text in call.error (message and drop reason). An
// instance that is out of service is not called; its answer is the one that a fault is replaced by. Every function is
// for the request's own thread.
#pragma once

#include "plugins/completion.h"
#include "plugins/environment.h"
#include "plugins/instance.h"
#include "plugins/request_context.h"
#include "plugins/slot_set.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace epp::plugins {

// Durations of calls; adjacent calls share a clock reading.
class CallTimer {
 public:
  CallTimer() { restart(); }
  // Forgets the time since the last call, e.g. spent in the host.
  void restart();
  // Reports the time since the last reading as a call of `instance`.
  void lap(const Instance& instance, ExtensionPoint point);

 private:
  uint64_t last_ns_ = 0;
};

// What every call needs; one per request turn.
struct Call {
  RequestContext& request;
  ErrorBuffer& error;
  CallTimer& timer;
};

// Filter and screener: the slots kept, in `kept` (room for candidates.count). An unusable answer (error, a slot that
// was not given or is repeated) keeps everything when the instance's onFault is `ignore`, else is a negative status.
epp_status run_filter(const Instance& instance, Call& call, const epp_candidates& candidates, SlotSet& scratch,
                      uint32_t* kept, uint32_t& kept_count);
epp_status run_screener(const Instance& instance, Call& call, const epp_candidates& candidates, SlotSet& scratch,
                        uint32_t* kept, uint32_t& kept_count);

// Raw scores by position; NaN and all scores of a failed call are 0.
void run_scorer(const Instance& instance, Call& call, const epp_candidates& candidates, std::span<double> scores);

// Positions picked, best first. False when the answer is unusable: the caller picks by maximum score.
bool run_picker(const Instance& instance, Call& call, const epp_candidates& candidates, std::span<const double> totals,
                SlotSet& scratch, uint32_t* picked, uint32_t& picked_count);

// EPP_OK admits; negative is a denial. A denial is policy, not a fault: onFault applies to an exception, and while the
// instance is out of service.
epp_status run_admitter(const Instance& instance, Call& call, const epp_candidates& candidates);

// Negative: the hook's complaint, policy too unless it has no type, which is counted. A fault is replaced by nothing.
epp_status run_request_header(const Instance& instance, Call& call);
epp_status run_pre_request(const Instance& instance, Call& call, const epp_profile_results& results);

// Errors of response hooks are counted and have no other effect.
void run_response_header(const Instance& instance, Call& call, const epp_response& response);
void run_response_body(const Instance& instance, Call& call, const epp_response& response,
                       std::span<const uint8_t> chunk, bool end);
// Called also while the instance is out of service, exactly for the requests that its pre-request hook was called for.
void run_response_complete(const Instance& instance, Call& call, const epp_response& response, uint32_t cause);

// Profile handler. The complaint of bind; empty: none. [main]
std::string run_handler_bind(const Instance& instance, std::span<const epp_str> profiles);
// Negative statuses are the handler's complaint about the request, or say that it has no answer.
epp_status run_handler_pick(const Instance& instance, Call& call, const epp_profile_results& results,
                            std::span<uint32_t> decisions);
epp_status run_handler_process(const Instance& instance, Call& call, const epp_profile_results& results,
                               uint32_t& primary, std::span<uint32_t> include);

// Saturation of the candidates as the detector answers it, or `fallback` (its last good value, 1.0 at first) on error
// or NaN. `again_ns` gets when it wants to be asked again, 0 for no need. Once per dispatch cycle, so that only a
// sample of the calls is timed (flow_hooks.h).
double run_detector(const Instance& instance, const epp_candidates& candidates, ErrorBuffer& error, double fallback,
                    const epp_reservations* reservations, uint64_t& again_ns);
// Outside of flow control.
double run_detector(const Instance& instance, const epp_candidates& candidates, ErrorBuffer& error, double fallback);

struct Production {
  epp_status status = EPP_OK;  // EPP_OK: written; EPP_PENDING: the receiver will be told; negative: failed
  uint64_t token = 0;          // while pending
  bool passed_over = false;    // failed because the instance is out of service
};

// Calls produce. What a failed producer wrote is dropped.
Production run_producer(const InstancePtr& instance, Call& call, const epp_candidates& candidates,
                        CompletionTable& completions, const std::shared_ptr<CompletionReceiver>& receiver);

// Ends a pending production that came: its values are written, or its failure counted. EPP_OK or the failure, whose
// text is completion.message().
epp_status finish_producer(const Instance& instance, RequestContext& request, const Completion& completion);

// Nobody waits for `token` any more: time limit (`timed_out`, counted) or the request is gone. False when the answer
// was already on its way to the receiver, who is to ignore it. What the producer wrote before it answered "later" stays
// until the caller drops it: request.drop_written(instance.uses()).
bool abandon_producer(const Instance& instance, CompletionTable& completions, uint64_t token, bool timed_out);

}  // namespace epp::plugins
