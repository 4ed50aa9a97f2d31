#include "plugins/hooks.h"

#include "plugins/guarded_call.h"
#include "plugins/sampled_timer.h"

#include <epp/cpp/wide_loops.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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

// A NaN is what is larger than infinity, as an integer and without its sign. So written, several are looked at at once.
EPP_WIDE_LOOPS bool any_nan_of_many(std::span<const double> values) {
  constexpr int64_t kMagnitude = INT64_MAX;
  constexpr auto kInfinity = std::bit_cast<int64_t>(std::numeric_limits<double>::infinity());
  int64_t negative_if_any = 0;
  for (const double value : values)
    negative_if_any |= kInfinity - (std::bit_cast<int64_t>(value) & kMagnitude);
  return negative_if_any < 0;
}

bool any_nan(std::span<const double> values) {
  if (values.size() >= sdk::detail::kManyValues) return any_nan_of_many(values);
  bool found = false;
  for (const double value : values)
    found = found || value != value;
  return found;
}

void keep_all(const epp_candidates& candidates, uint32_t* kept, uint32_t& kept_count) {
  std::copy_n(candidates.slots, candidates.count, kept);
  kept_count = candidates.count;
}

// Says whose answer is missing, unless there is a text already.
void name_culprit(const Instance& instance, Call& call, ExtensionPoint point) {
  if (!call.error.message().empty()) return;
  std::string text(to_string(point));
  text += " \"" + instance.name() + "/" + instance.type() + "\" ";
  text += instance.in_service() ? "failed" : "is out of service";
  call.error.set_message(text);
}

// What a failed filter or screener is replaced by.
epp_status replace_filter(const Instance& instance, Call& call, ExtensionPoint point, epp_status status,
                          const epp_candidates& candidates, uint32_t* kept, uint32_t& kept_count) {
  if (instance.on_fault() == OnFault::kIgnore) {
    keep_all(candidates, kept, kept_count);
    return EPP_OK;
  }
  name_culprit(instance, call, point);
  return status;
}

epp_status run_narrowing(const epp_filter& table, ExtensionPoint point, const Instance& instance, Call& call,
                         const epp_candidates& candidates, SlotSet& scratch, uint32_t* kept, uint32_t& kept_count) {
  epp_error* const error = call.error.clear();
  const auto replace = [&](epp_status status) {
    return replace_filter(instance, call, point, status, candidates, kept, kept_count);
  };
  if (passed_over(instance, point)) return replace(EPP_ERR_UNTYPED);
  kept_count = 0;
  epp_status status = EPP_ERR_UNTYPED;
  const bool answered = guarded(instance, point, &call.error, [&] {
    status = table.filter(instance.raw(), call.request.abi(), &candidates, kept, &kept_count, error);
  });
  call.timer.lap(instance, point);
  if (!answered) return replace(EPP_ERR_UNTYPED);
  if (status != EPP_OK) {
    instance.refuse_answer(point, Fault::kError, call.error.message());
    return replace(status < 0 ? status : EPP_ERR_UNTYPED);
  }
  if (!kept_are_given(candidates, kept, kept_count, scratch)) {
    call.error.set_message("kept endpoints that it was not given");
    instance.refuse_answer(point, Fault::kOutOfRange, call.error.message());
    return replace(EPP_ERR_UNTYPED);
  }
  instance.accept_answer(point);
  return EPP_OK;
}

// Whether the instance's pre-request hook was passed over for this request.
bool is_untold(const RequestContext& request, const Instance& instance) {
  const auto& untold = request.untold;
  return !untold.empty() && std::find(untold.begin(), untold.end(), &instance) != untold.end();
}

// A status that a hook may answer: 0 or an error.
epp_status as_error(epp_status status) {
  return status > 0 ? EPP_ERR_UNTYPED : status;
}

// What the hook, called with the emptied error, answers by policy; nothing when an exception came instead, which is
// counted.
template <typename Hook>
std::optional<epp_status> answer_of(const Instance& instance, Call& call, ExtensionPoint point, Hook&& hook) {
  epp_error* const error = call.error.clear();
  epp_status status = EPP_OK;
  const bool answered = guarded(instance, point, &call.error, [&] { status = hook(error); });
  call.timer.lap(instance, point);
  if (!answered) return std::nullopt;
  instance.accept_answer(point);
  return as_error(status);
}

// The same; nothing, too, when the instance is out of service.
template <typename Hook>
std::optional<epp_status> ask(const Instance& instance, Call& call, ExtensionPoint point, Hook&& hook) {
  if (!passed_over(instance, point)) return answer_of(instance, call, point, std::forward<Hook>(hook));
  call.error.clear();
  return std::nullopt;
}

// What a hook's answer means for the request. An error with a type is a decision; without one something went wrong.
epp_status end_hook(const Instance& instance, const Call& call, ExtensionPoint point,
                    std::optional<epp_status> answer) {
  if (answer == EPP_ERR_UNTYPED) instance.count_fault(point, Fault::kError, call.error.message());
  return answer.value_or(EPP_OK);
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
  constexpr ExtensionPoint kPoint = ExtensionPoint::kScorer;
  std::fill(scores.begin(), scores.end(), 0.0);
  if (passed_over(instance, kPoint)) return;
  epp_error* const error = call.error.clear();
  epp_status status = EPP_OK;
  const bool answered = guarded(instance, kPoint, &call.error, [&] {
    status = instance.scorer->score(instance.raw(), call.request.abi(), &candidates, scores.data(), error);
  });
  call.timer.lap(instance, kPoint);
  if (!answered || status != EPP_OK) {
    std::fill(scores.begin(), scores.end(), 0.0);
    if (answered) instance.refuse_answer(kPoint, Fault::kError, call.error.message());
    return;
  }
  if (!any_nan(scores)) return instance.accept_answer(kPoint);
  std::replace_if(
      scores.begin(), scores.end(), [](double score) { return std::isnan(score); }, 0.0);
  instance.refuse_answer(kPoint, Fault::kNotANumber, "a score is NaN");
}

bool run_picker(const Instance& instance, Call& call, const epp_candidates& candidates, std::span<const double> totals,
                SlotSet& scratch, uint32_t* picked, uint32_t& picked_count) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kPicker;
  if (passed_over(instance, kPoint)) return false;
  picked_count = 0;
  epp_error* const error = call.error.clear();
  epp_status status = EPP_OK;
  const bool answered = guarded(instance, kPoint, &call.error, [&] {
    status = instance.picker->pick(instance.raw(), call.request.abi(), &candidates, totals.data(), picked,
                                   &picked_count, error);
  });
  call.timer.lap(instance, kPoint);
  if (!answered) return false;
  if (status != EPP_OK) {
    instance.refuse_answer(kPoint, Fault::kError, call.error.message());
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
    instance.refuse_answer(kPoint, Fault::kOutOfRange, "picked nothing, or a position not given");
    return false;
  }
  instance.accept_answer(kPoint);
  return true;
}

epp_status run_admitter(const Instance& instance, Call& call, const epp_candidates& candidates) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kAdmission;
  const auto answer = ask(instance, call, kPoint, [&](epp_error* error) {
    return instance.admitter->admit(instance.raw(), call.request.abi(), &candidates, error);
  });
  if (answer) return *answer;
  if (instance.on_fault() == OnFault::kIgnore) return EPP_OK;
  name_culprit(instance, call, kPoint);
  return EPP_ERR_UNAVAILABLE;
}

epp_status run_request_header(const Instance& instance, Call& call) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kRequestHeader;
  const InPhase phase(call.request, Phase::kRequestHeader);
  const auto answer = ask(instance, call, kPoint, [&](epp_error* error) {
    return instance.request_header->on_request_header(instance.raw(), call.request.abi(), error);
  });
  return end_hook(instance, call, kPoint, answer);
}

epp_status run_pre_request(const Instance& instance, Call& call, const epp_profile_results& results) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kPreRequest;
  if (passed_over(instance, kPoint)) {
    call.request.untold.push_back(&instance);
    return EPP_OK;
  }
  const InPhase phase(call.request, Phase::kPreRequest);
  const auto answer = answer_of(instance, call, kPoint, [&](epp_error* error) {
    return instance.pre_request->pre_request(instance.raw(), call.request.abi(), &results, error);
  });
  return end_hook(instance, call, kPoint, answer);
}

void run_response_header(const Instance& instance, Call& call, const epp_response& response) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kResponseReceived;
  if (passed_over(instance, kPoint)) return;
  const InPhase phase(call.request, Phase::kResponseHeader);
  epp_error* const error = call.error.clear();
  epp_status status = EPP_OK;
  const bool answered = notify(instance, kPoint, &call.error, [&] {
    status = instance.response_header->on_response_header(instance.raw(), call.request.abi(), &response, error);
  });
  call.timer.lap(instance, kPoint);
  if (answered && status != EPP_OK) instance.count_fault(kPoint, Fault::kError, call.error.message());
}

void run_response_body(const Instance& instance, Call& call, const epp_response& response,
                       std::span<const uint8_t> chunk, bool end) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kResponseStreaming;
  if (passed_over(instance, kPoint)) return;
  const InPhase phase(call.request, end ? Phase::kResponseEnd : Phase::kNone);
  epp_error* const error = call.error.clear();
  epp_status status = EPP_OK;
  const bool answered = notify(instance, kPoint, &call.error, [&] {
    status = instance.response_body->on_response_body(instance.raw(), call.request.abi(), &response,
                                                      {chunk.data(), chunk.size()}, end ? 1u : 0u, error);
  });
  call.timer.lap(instance, kPoint);
  if (answered && status != EPP_OK) instance.count_fault(kPoint, Fault::kError, call.error.message());
}

void run_response_complete(const Instance& instance, Call& call, const epp_response& response, uint32_t cause) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kResponseComplete;
  // It gives back what pre-request took, also while the instance is out of service. Where nothing was taken it must not
  // give back, and need not be called.
  if (instance.pre_request == nullptr ? passed_over(instance, kPoint) : is_untold(call.request, instance)) return;
  notify(instance, kPoint, nullptr, [&] {
    instance.response_complete->on_response_complete(instance.raw(), call.request.abi(), &response, cause);
  });
  call.timer.lap(instance, kPoint);
}

std::string run_handler_bind(const Instance& instance, std::span<const epp_str> profiles) {
  const epp_profile_handler& table = *instance.profile_handler;
  if (!EPP_HAS(&table, epp_profile_handler, bind) || table.bind == nullptr) return {};
  ErrorBuffer error;
  epp_status status = EPP_ERR_UNTYPED;
  guarded(instance, ExtensionPoint::kBind, &error,
          [&] { status = table.bind(instance.raw(), profiles.data(), profiles.size(), error.abi()); });
  if (status == EPP_OK) return {};
  return error.message().empty() ? "the profile handler refused the profiles" : std::string(error.message());
}

epp_status run_handler_pick(const Instance& instance, Call& call, const epp_profile_results& results,
                            std::span<uint32_t> decisions) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kProfilePicker;
  std::fill(decisions.begin(), decisions.end(), EPP_DECIDE_LEAVE);
  const auto answer = ask(instance, call, kPoint, [&](epp_error* error) {
    return instance.profile_handler->pick(instance.raw(), call.request.abi(), &results, decisions.data(), error);
  });
  if (answer) return *answer;
  name_culprit(instance, call, kPoint);
  return EPP_ERR_UNTYPED;
}

epp_status run_handler_process(const Instance& instance, Call& call, const epp_profile_results& results,
                               uint32_t& primary, std::span<uint32_t> include) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kProcessProfilesResults;
  const auto answer = ask(instance, call, kPoint, [&](epp_error* error) {
    return instance.profile_handler->process(instance.raw(), call.request.abi(), &results, &primary, include.data(),
                                             error);
  });
  if (answer) return *answer;
  name_culprit(instance, call, kPoint);
  return EPP_ERR_UNTYPED;
}

double run_detector(const Instance& instance, const epp_candidates& candidates, ErrorBuffer& error, double fallback) {
  uint64_t again_ns = 0;
  return run_detector(instance, candidates, error, fallback, nullptr, again_ns);
}

double run_detector(const Instance& instance, const epp_candidates& candidates, ErrorBuffer& error, double fallback,
                    const epp_reservations* reservations, uint64_t& again_ns) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kSaturation;
  again_ns = 0;
  if (passed_over(instance, kPoint)) return fallback;
  double saturation = std::nan("");
  epp_status status = EPP_OK;
  const auto ask = [&] {
    return guarded(instance, kPoint, &error, [&] {
      status = instance.detector->saturation(instance.raw(), &candidates, reservations, &saturation, &again_ns,
                                             error.clear());
    });
  };
  bool answered = false;
  if (reservations == nullptr) {
    CallTimer timer;
    answered = ask();
    timer.lap(instance, kPoint);
  } else {
    const SampledTimer timer(instance, kPoint);
    answered = ask();
  }
  if (!answered) return fallback;
  if (status != EPP_OK) {
    instance.refuse_answer(kPoint, Fault::kError, error.message());
    return fallback;
  }
  if (std::isnan(saturation)) {
    instance.refuse_answer(kPoint, Fault::kNotANumber, "saturation is NaN");
    return fallback;
  }
  instance.accept_answer(kPoint);
  return saturation;
}

Production run_producer(const InstancePtr& instance, Call& call, const epp_candidates& candidates,
                        CompletionTable& completions, const std::shared_ptr<CompletionReceiver>& receiver) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kDataProducer;
  epp_error* const error = call.error.clear();
  if (passed_over(*instance, kPoint)) {
    name_culprit(*instance, call, kPoint);
    return {.status = EPP_ERR_UNAVAILABLE, .passed_over = true};
  }
  const uint64_t token = completions.open(instance, receiver);
  epp_status status = EPP_OK;
  bool answered = false;
  {
    const InPhase phase(call.request, Phase::kProduce);
    answered = notify(*instance, kPoint, &call.error, [&] {
      status = instance->producer->produce(instance->raw(), call.request.abi(), &candidates, token, error);
    });
  }
  call.timer.lap(*instance, kPoint);
  if (answered && status == EPP_PENDING) return {.status = EPP_PENDING, .token = token};
  completions.close(token);
  status = answered ? as_error(status) : EPP_ERR_UNTYPED;
  if (status != EPP_OK) {
    if (answered) instance->count_fault(kPoint, Fault::kError, call.error.message());
    call.request.drop_written(instance->uses());
  }
  return {.status = status};
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
  // Its answer, if it comes, is a late one in any case.
  constexpr ExtensionPoint kPoint = ExtensionPoint::kProducerCancel;
  if (EPP_HAS(instance.producer, epp_producer, cancel) && instance.producer->cancel != nullptr &&
      !passed_over(instance, kPoint)) {
    notify(instance, kPoint, nullptr, [&] { instance.producer->cancel(instance.raw(), token); });
  }
  return true;
}

}  // namespace epp::plugins
