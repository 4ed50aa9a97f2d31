#include "plugins/hooks.h"

#include "plugins/sampled_timer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

namespace epp::plugins {

namespace {

// Sets the phase for one call.
class InPhase {
 public:
  InPhase(RequestContext& request, Phase phase) : request_(request), before_(request.phase) { request.phase = phase; }
  ~InPhase() { request_.phase = before_; }
  InPhase(const InPhase&) = delete;
  InPhase& operator=(const InPhase&) = delete;

 private:
  RequestContext& request_;
  Phase before_;
};

// Whether `kept` has only given slots, each once. Keeping the given order is the common case and needs no set.
bool kept_are_given(const epp_candidates& candidates, const uint32_t* kept, uint32_t kept_count, SlotSet& scratch) {
  if (kept_count > candidates.count) return false;
  uint32_t matched = 0;
  for (uint32_t i = 0; i < candidates.count && matched < kept_count; ++i) {
    if (candidates.slots[i] == kept[matched]) ++matched;
  }
  if (matched == kept_count) return true;
  scratch.clear(static_cast<size_t>(candidates.slot_limit));
  for (uint32_t i = 0; i < candidates.count; ++i)
    scratch.insert(candidates.slots[i]);
  for (uint32_t i = 0; i < kept_count; ++i) {
    if (!scratch.take(kept[i])) return false;
  }
  return true;
}

void keep_all(const epp_candidates& candidates, uint32_t* kept, uint32_t& kept_count) {
  std::copy_n(candidates.slots, candidates.count, kept);
  kept_count = candidates.count;
}

// What a failed filter or screener is replaced by.
epp_status replace_filter(const Instance& instance, Call& call, ExtensionPoint point, epp_status status,
                          const epp_candidates& candidates, uint32_t* kept, uint32_t& kept_count) {
  if (instance.on_fault() == OnFault::kIgnore) {
    keep_all(candidates, kept, kept_count);
    return EPP_OK;
  }
  if (call.error.message().empty()) {
    std::string text(to_string(point));
    text += " \"" + instance.name() + "/" + instance.type() + "\" failed";
    call.error.set_message(text);
  }
  return status;
}

epp_status run_narrowing(const epp_filter& table, ExtensionPoint point, const Instance& instance, Call& call,
                         const epp_candidates& candidates, SlotSet& scratch, uint32_t* kept, uint32_t& kept_count) {
  epp_error* const error = call.error.clear();
  if (instance.bypassed()) return replace_filter(instance, call, point, EPP_ERR_UNTYPED, candidates, kept, kept_count);
  kept_count = 0;
  const epp_status status = table.filter(instance.raw(), call.request.abi(), &candidates, kept, &kept_count, error);
  call.timer.lap(instance, point);
  if (status != EPP_OK) {
    instance.refuse_answer(point, Fault::kError, call.error.message());
    return replace_filter(instance, call, point, status < 0 ? status : EPP_ERR_UNTYPED, candidates, kept, kept_count);
  }
  if (!kept_are_given(candidates, kept, kept_count, scratch)) {
    call.error.set_message("kept endpoints that it was not given");
    instance.refuse_answer(point, Fault::kOutOfRange, call.error.message());
    return replace_filter(instance, call, point, EPP_ERR_UNTYPED, candidates, kept, kept_count);
  }
  instance.accept_answer();
  return EPP_OK;
}

// A status that a hook may answer: 0 or an error.
epp_status as_error(epp_status status) {
  return status > 0 ? EPP_ERR_UNTYPED : status;
}

}  // namespace

void CallTimer::restart() {
  last_ns_ = clock().now_ns();
}

void CallTimer::lap(const Instance& instance, ExtensionPoint point) {
  if (instance.observer() == nullptr) return;
  const uint64_t now = clock().now_ns();
  instance.observer()->on_call(instance, point, now - last_ns_);
  last_ns_ = now;
}

epp_status run_filter(const Instance& instance, Call& call, const epp_candidates& candidates, SlotSet& scratch,
                      uint32_t* kept, uint32_t& kept_count) {
  return run_narrowing(*instance.filter, ExtensionPoint::kFilter, instance, call, candidates, scratch, kept,
                       kept_count);
}

epp_status run_screener(const Instance& instance, Call& call, const epp_candidates& candidates, SlotSet& scratch,
                        uint32_t* kept, uint32_t& kept_count) {
  return run_narrowing(*instance.screener, ExtensionPoint::kScreener, instance, call, candidates, scratch, kept,
                       kept_count);
}

void run_scorer(const Instance& instance, Call& call, const epp_candidates& candidates, std::span<double> scores) {
  std::fill(scores.begin(), scores.end(), 0.0);
  if (instance.bypassed()) return;
  const epp_status status =
      instance.scorer->score(instance.raw(), call.request.abi(), &candidates, scores.data(), call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kScorer);
  if (status != EPP_OK) {
    std::fill(scores.begin(), scores.end(), 0.0);
    instance.refuse_answer(ExtensionPoint::kScorer, Fault::kError, call.error.message());
    return;
  }
  bool all_numbers = true;
  for (double& score : scores) {
    if (std::isnan(score)) {
      score = 0;
      all_numbers = false;
    }
  }
  if (all_numbers) {
    instance.accept_answer();
  } else {
    instance.refuse_answer(ExtensionPoint::kScorer, Fault::kNotANumber, "a score is NaN");
  }
}

bool run_picker(const Instance& instance, Call& call, const epp_candidates& candidates, std::span<const double> totals,
                SlotSet& scratch, uint32_t* picked, uint32_t& picked_count) {
  if (instance.bypassed()) return false;
  picked_count = 0;
  const epp_status status = instance.picker->pick(instance.raw(), call.request.abi(), &candidates, totals.data(),
                                                  picked, &picked_count, call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kPicker);
  if (status != EPP_OK) {
    instance.refuse_answer(ExtensionPoint::kPicker, Fault::kError, call.error.message());
    return false;
  }
  bool good = picked_count > 0 && picked_count <= candidates.count;
  if (good && picked_count == 1) {
    good = picked[0] < candidates.count;
  } else if (good) {
    scratch.clear(candidates.count);
    for (uint32_t i = 0; i < picked_count && good; ++i) {
      good = picked[i] < candidates.count && !scratch.contains(picked[i]);
      if (good) scratch.insert(picked[i]);
    }
  }
  if (!good) {
    instance.refuse_answer(ExtensionPoint::kPicker, Fault::kOutOfRange, "picked nothing, or a position not given");
    return false;
  }
  instance.accept_answer();
  return true;
}

epp_status run_admitter(const Instance& instance, Call& call, const epp_candidates& candidates) {
  const epp_status status =
      instance.admitter->admit(instance.raw(), call.request.abi(), &candidates, call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kAdmission);
  return as_error(status);
}

epp_status run_request_header(const Instance& instance, Call& call) {
  const InPhase phase(call.request, Phase::kRequestHeader);
  const epp_status status =
      instance.request_header->on_request_header(instance.raw(), call.request.abi(), call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kRequestHeader);
  return as_error(status);
}

epp_status run_pre_request(const Instance& instance, Call& call, const epp_profile_results& results) {
  const InPhase phase(call.request, Phase::kPreRequest);
  const epp_status status =
      instance.pre_request->pre_request(instance.raw(), call.request.abi(), &results, call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kPreRequest);
  return as_error(status);
}

void run_response_header(const Instance& instance, Call& call, const epp_response& response) {
  if (instance.bypassed()) return;
  const InPhase phase(call.request, Phase::kResponseHeader);
  const epp_status status =
      instance.response_header->on_response_header(instance.raw(), call.request.abi(), &response, call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kResponseReceived);
  if (status != EPP_OK) instance.count_fault(ExtensionPoint::kResponseReceived, Fault::kError, call.error.message());
}

void run_response_body(const Instance& instance, Call& call, const epp_response& response,
                       std::span<const uint8_t> chunk, bool end) {
  if (instance.bypassed()) return;
  const InPhase phase(call.request, end ? Phase::kResponseEnd : Phase::kNone);
  const epp_status status = instance.response_body->on_response_body(
      instance.raw(), call.request.abi(), &response, {chunk.data(), chunk.size()}, end ? 1u : 0u, call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kResponseStreaming);
  if (status != EPP_OK) instance.count_fault(ExtensionPoint::kResponseStreaming, Fault::kError, call.error.message());
}

void run_response_complete(const Instance& instance, Call& call, const epp_response& response, uint32_t cause) {
  // Never bypassed: it gives back what pre-request took.
  instance.response_complete->on_response_complete(instance.raw(), call.request.abi(), &response, cause);
  call.timer.lap(instance, ExtensionPoint::kResponseComplete);
}

epp_status run_handler_pick(const Instance& instance, Call& call, const epp_profile_results& results,
                            std::span<uint32_t> decisions) {
  std::fill(decisions.begin(), decisions.end(), EPP_DECIDE_LEAVE);
  const epp_status status = instance.profile_handler->pick(instance.raw(), call.request.abi(), &results,
                                                           decisions.data(), call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kProfilePicker);
  return as_error(status);
}

epp_status run_handler_process(const Instance& instance, Call& call, const epp_profile_results& results,
                               uint32_t& primary, std::span<uint32_t> include) {
  const epp_status status = instance.profile_handler->process(instance.raw(), call.request.abi(), &results, &primary,
                                                              include.data(), call.error.clear());
  call.timer.lap(instance, ExtensionPoint::kProcessProfilesResults);
  return as_error(status);
}

double run_detector(const Instance& instance, const epp_candidates& candidates, ErrorBuffer& error, double fallback) {
  uint64_t again_ns = 0;
  return run_detector(instance, candidates, error, fallback, nullptr, again_ns);
}

double run_detector(const Instance& instance, const epp_candidates& candidates, ErrorBuffer& error, double fallback,
                    const epp_reservations* reservations, uint64_t& again_ns) {
  again_ns = 0;
  if (instance.bypassed()) return fallback;
  double saturation = std::nan("");
  epp_status status = EPP_OK;
  const auto ask = [&] {
    status =
        instance.detector->saturation(instance.raw(), &candidates, reservations, &saturation, &again_ns, error.clear());
  };
  if (reservations == nullptr) {
    CallTimer timer;
    ask();
    timer.lap(instance, ExtensionPoint::kSaturation);
  } else {
    const SampledTimer timer(instance, ExtensionPoint::kSaturation);
    ask();
  }
  if (status != EPP_OK) {
    instance.refuse_answer(ExtensionPoint::kSaturation, Fault::kError, error.message());
    return fallback;
  }
  if (std::isnan(saturation)) {
    instance.refuse_answer(ExtensionPoint::kSaturation, Fault::kNotANumber, "saturation is NaN");
    return fallback;
  }
  instance.accept_answer();
  return saturation;
}

Production run_producer(const InstancePtr& instance, Call& call, const epp_candidates& candidates,
                        CompletionTable& completions, const std::shared_ptr<CompletionReceiver>& receiver) {
  const uint64_t token = completions.open(instance, receiver);
  epp_status status = EPP_OK;
  {
    const InPhase phase(call.request, Phase::kProduce);
    status = instance->producer->produce(instance->raw(), call.request.abi(), &candidates, token, call.error.clear());
  }
  call.timer.lap(*instance, ExtensionPoint::kDataProducer);
  if (status == EPP_PENDING) return {EPP_PENDING, token};
  completions.close(token);
  status = as_error(status);
  if (status != EPP_OK) {
    instance->count_fault(ExtensionPoint::kDataProducer, Fault::kError, call.error.message());
    call.request.drop_written(instance->uses());
  }
  return {status, 0};
}

epp_status finish_producer(const Instance& instance, RequestContext& request, const Completion& completion) {
  if (completion.status() != EPP_OK) {
    instance.count_fault(ExtensionPoint::kDataProducer, Fault::kError, completion.message());
    request.drop_written(instance.uses());
    return as_error(completion.status());
  }
  apply_completion(instance, completion, request);
  return EPP_OK;
}

bool abandon_producer(const Instance& instance, CompletionTable& completions, uint64_t token, bool timed_out) {
  if (!completions.close(token)) return false;
  if (timed_out) {
    instance.count_fault(ExtensionPoint::kDataProducer, Fault::kTimeout,
                         "DataProducer execution timed out: context deadline exceeded");
  }
  if (EPP_HAS(instance.producer, epp_producer, cancel) && instance.producer->cancel != nullptr) {
    instance.producer->cancel(instance.raw(), token);
  }
  return true;
}

}  // namespace epp::plugins
