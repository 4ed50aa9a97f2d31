#include "lifecycle/director.h"

#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "lifecycle/errors.h"
#include "lifecycle/headers.h"
#include "lifecycle/schedule_trace.h"
#include "objectives/objective_table.h"
#include "objectives/rewrite_table.h"
#include "plugins/environment.h"
#include "request/model_name.h"
#include "telemetry/epp_metrics.h"

#include <epp/keys.h>

#include <algorithm>
#include <utility>

namespace epp::lifecycle {
namespace {

using request::Error;
using request::ErrorCode;

constexpr std::string_view kDefaultFlow = "default-flow";
constexpr std::string_view kAgentIdentity = "agent-identity/";
constexpr std::string_view kPrefixMatch = EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_MATCH_BLOCKS;

telemetry::Seconds since(std::uint64_t start_ns) {
  return std::chrono::nanoseconds(plugins::clock().now_ns() - start_ns);
}

std::string_view view(const epp_str& text) {
  return {text.data, text.size};
}

epp_str view(std::string_view text) {
  return {text.data(), text.size()};
}

// A denial as the admitter means it. One without a status or a reason of its own is for want of capacity.
Error typed_denial(epp_status status, const plugins::ErrorBuffer& buffer) {
  Error error{code_of(status, ErrorCode::kResourceExhausted), std::string(buffer.message()),
              std::string(buffer.reason())};
  if (error.drop_reason.empty() && error.code == ErrorCode::kResourceExhausted) error.drop_reason = kReasonSaturated;
  return error;
}

}  // namespace

Director::Director(const Services& services, const Pipeline& pipeline, RequestState& state, Outbox& outbox,
                   std::shared_ptr<Mailbox> mailbox)
    : services_(services), pipeline_(pipeline), state_(state), outbox_(outbox), mailbox_(std::move(mailbox)) {}

Director::~Director() {
  cancel();
}

Director::Progress Director::deny(Denial denial) {
  step_ = Step::kOver;
  waiting_ = false;
  // What was taken for it goes to others at once; once hooks have counted the request it stays until they ran again.
  if (!dispatched_) ticket_.reset();
  denial_ = std::move(denial);
  span_.record_error(error().message);
  span_.set_status(telemetry::SpanStatus::kError, error().message);
  span_.end();
  return Progress::kFailed;
}

Director::Progress Director::start(const SubsetHint& hint, std::shared_ptr<const void> body_owner,
                                   const telemetry::SpanContext& parent, const telemetry::Logger& log) {
  hint_ = &hint;
  log_ = log;
  route_.body_owner = std::move(body_owner);
  span_ = services_.tracer.scoped(kDirectorScope)
              .start("gateway.request_orchestration", parent, telemetry::SpanKind::kServer);
  state_.timer.restart();
  if (!rewrite_model()) return Progress::kFailed;
  find_priority();
  state_.context.sync();
  if (!run_request_header_hooks()) return Progress::kFailed;
  finalize_fairness();
  state_.context.sync();
  EPP_LOG(log_, kDebug, "LLM request assembled", {"objectiveKey", state_.context.objective},
          {"incomingModelName", state_.context.incoming_model}, {"targetModelName", state_.context.target_model},
          {"priority", priority_});
  const Progress admitted = begin_admission();
  return admitted == Progress::kRouted ? run() : admitted;
}

Director::Progress Director::on_wake() {
  if (waiting_) {
    std::optional<AdmissionOutcome> outcome = mailbox_->take_admission();
    if (!outcome) return Progress::kWaiting;
    const Progress admitted = finish_admission(std::move(*outcome));
    return admitted == Progress::kRouted ? run() : admitted;
  }
  if (step_ == Step::kProducers && token_ != 0) {
    std::optional<plugins::Completion> completion = mailbox_->take_completion(token_);
    if (!completion) return Progress::kWaiting;
    token_ = 0;
    outbox_.cancel_timer();
    const plugins::Instance& instance = *pipeline_.plugins->producers[producer_].instance;
    end_production(plugins::finish_producer(instance, state_.context, *completion), completion->message());
    return run();
  }
  return step_ == Step::kOver ? Progress::kFailed : Progress::kWaiting;
}

Director::Progress Director::on_timer() {
  if (step_ != Step::kProducers || token_ == 0) return Progress::kWaiting;
  const plugins::Instance& instance = *pipeline_.plugins->producers[producer_].instance;
  if (!plugins::abandon_producer(instance, *services_.completions, std::exchange(token_, 0), true)) {
    // It answered at the very moment of the limit. Too late is too late, but nothing of it may be left to be taken.
    mailbox_->take_completion(0);
  }
  end_production(EPP_ERR_UNTYPED, "DataProducer execution timed out: context deadline exceeded");
  return run();
}

void Director::cancel() {
  waiting_ = false;
  if (!dispatched_) ticket_.reset();
  if (token_ != 0) {
    const plugins::Instance& instance = *pipeline_.plugins->producers[producer_].instance;
    plugins::abandon_producer(instance, *services_.completions, std::exchange(token_, 0), false);
    outbox_.cancel_timer();
  }
  step_ = Step::kOver;
}

void Director::end(std::optional<std::int64_t> tokens) {
  if (!ticket_) return;
  if (tokens) ticket_->settle(*tokens);
  ticket_.reset();
}

Director::Progress Director::run() {
  if (step_ == Step::kCandidates) {
    if (!locate_candidates() || !screen()) return Progress::kFailed;
    state_.without.assign(pipeline_.plugins->producers.size(), 0);
    step_ = Step::kProducers;
  }
  if (step_ == Step::kProducers) {
    if (run_producers() == Progress::kWaiting) return Progress::kWaiting;
    step_ = Step::kScheduling;
  }
  if (!run_admitters() || !schedule() || !check_cached_prefix() || !prepare()) return Progress::kFailed;
  step_ = Step::kOver;
  span_.end();
  return Progress::kRouted;
}

bool Director::rewrite_model() {
  plugins::RequestContext& context = state_.context;
  const std::string_view body_model = state_.parsed ? state_.parsed->model : std::string_view();
  context.incoming_model = body_model;
  const std::string* header = find_with_alias(context.headers, header::kModelRewrite, header::kModelRewriteAlias);
  context.target_model = header ? *header : std::string();
  if (!state_.parsed || !state_.parsed->model_rewritable) {
    EPP_LOG(log_, kInfo, "Warning: parser does not implement ModelNameRewriter, skipping model rewrite");
    return true;
  }
  if (context.target_model.empty()) context.target_model = body_model;
  if (services_.rewrites != nullptr) {
    if (const auto decision = services_.rewrites->choose(body_model)) {
      context.target_model = decision->target;
      services_.metrics->model_rewrite(decision->rule, body_model, decision->target);
    }
  }
  if (context.target_model.empty()) {
    fail({ErrorCode::kBadRequest, "model not found in request body", {}});
    return false;
  }
  mutated_ = context.target_model != body_model;
  return true;
}

void Director::find_priority() {
  plugins::RequestContext& context = state_.context;
  const std::string* objective = find_with_alias(context.headers, header::kObjective, header::kObjectiveAlias);
  context.objective = objective ? *objective : std::string();
  std::optional<objectives::Terms> known;
  if (services_.objectives != nullptr && !context.objective.empty())
    known = services_.objectives->find(context.objective);
  if (!known) EPP_LOG(log_, kVerbose, "No associated InferenceObjective found, using default");
  const objectives::Terms terms = known.value_or(objectives::Terms{});
  priority_ = terms.priority;
  weight_ = terms.weight;
  context.abi()->priority = priority_;
  if (span_.recording()) {
    span_.set("target_model", std::string_view(context.target_model));
    span_.set("request_prio", priority_);
  }
}

bool Director::run_request_header_hooks() {
  plugins::Call call = state_.call();
  for (const plugins::InstancePtr& instance : pipeline_.plugins->request_headers) {
    const epp_status status = plugins::run_request_header(*instance, call);
    if (status >= 0) continue;
    fail(error_of(status, state_.error.message(), state_.error.reason()));
    return false;
  }
  return true;
}

void Director::finalize_fairness() {
  plugins::RequestContext& context = state_.context;
  const std::string* header = find_with_alias(context.headers, header::kFairness, header::kFairnessAlias);
  context.fairness_id = header ? *header : std::string();
  if (context.fairness_id.empty()) {
    const epp_attr attr = services_.attributes->find(kAgentIdentity);
    const epp_value* agent = attr == EPP_ATTR_NONE ? nullptr : context.value(attr);
    if (agent != nullptr && agent->type == EPP_TYPE_STR) context.fairness_id = view(agent->u.str);
  }
  if (context.fairness_id.empty()) context.fairness_id = kDefaultFlow;
}

Director::Progress Director::begin_admission() {
  const epp_request& abi = *state_.context.abi();
  cost_ = estimated_tokens(abi.body_size, abi.max_output_tokens);
  AdmissionRequest request;
  request.context = &state_.context;
  request.fairness_id = state_.context.fairness_id;
  request.priority = priority_;
  request.weight = weight_;
  request.bytes = abi.body_size;
  request.cost = cost_;
  if (const auto left = outbox_.time_left())
    request.ttl_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(left->count(), 1));
  request.saturation = [this] { return saturation(); };
  Admission::Answer answer = pipeline_.admission->admit(request, mailbox_);
  ticket_ = std::move(answer.ticket);
  waiting_ = answer.waiting;
  return waiting_ ? Progress::kWaiting : finish_admission(std::move(answer.outcome));
}

Director::Progress Director::finish_admission(AdmissionOutcome outcome) {
  waiting_ = false;
  if (outcome) return deny(std::move(*outcome));
  step_ = Step::kCandidates;
  return Progress::kRouted;
}

double Director::saturation() {
  const endpoints::SnapshotPtr pinned = services_.table->snapshot();
  state_.context.snapshot = pinned;
  select_candidates(*pinned, *hint_,
                    {services_.options.disable_endpoint_subset_filter, services_.options.strict_subset_ports},
                    state_.candidates);
  if (!pipeline_.detector) return state_.candidates.empty() ? 1.0 : 0.0;
  const double answer = plugins::run_detector(*pipeline_.detector, candidates(), state_.error,
                                              pipeline_.last_saturation.load(std::memory_order_relaxed));
  pipeline_.last_saturation.store(answer, std::memory_order_relaxed);
  return answer;
}

epp_candidates Director::candidates() const {
  const endpoints::Snapshot& snapshot = *state_.context.snapshot;
  epp_candidates result{};
  result.size = sizeof(result);
  result.count = static_cast<std::uint32_t>(state_.candidates.size());
  result.slots = state_.candidates.data();
  result.endpoints = snapshot.endpoints().data();
  result.slot_limit = snapshot.slot_limit();
  result.snapshot = &snapshot;
  return result;
}

bool Director::locate_candidates() {
  state_.context.snapshot = services_.table->snapshot();
  state_.context.table = services_.table;
  select_candidates(*state_.context.snapshot, *hint_,
                    {services_.options.disable_endpoint_subset_filter, services_.options.strict_subset_ports},
                    state_.candidates);
  if (!state_.candidates.empty()) return true;
  fail({ErrorCode::kServiceUnavailable, "failed to find endpoint candidates for serving the request",
        std::string(kReasonNoEndpoints)});
  return false;
}

// Every screener sees all candidates; what all of them kept stays, in the original order.
bool Director::screen() {
  const auto& screeners = pipeline_.plugins->screeners;
  if (screeners.empty()) return true;
  plugins::Call call = state_.call();
  const epp_candidates all = candidates();
  state_.kept.resize(all.count);
  plugins::SlotSet& survivors = state_.survivors;
  std::vector<std::uint32_t>& remaining = state_.remaining;
  remaining = state_.candidates;
  for (const plugins::InstancePtr& screener : screeners) {
    std::uint32_t count = 0;
    const epp_status status = plugins::run_screener(*screener, call, all, state_.scratch, state_.kept.data(), count);
    if (status < 0) {
      fail({ErrorCode::kInternal, error_text(status, state_.error.message()), {}});
      return false;
    }
    survivors.clear(all.slot_limit);
    for (std::uint32_t i = 0; i < count; ++i)
      survivors.insert(state_.kept[i]);
    std::erase_if(remaining, [&](std::uint32_t slot) { return !survivors.contains(slot); });
  }
  state_.candidates.swap(remaining);
  if (!state_.candidates.empty()) return true;
  fail({ErrorCode::kServiceUnavailable, "screeners eliminated all endpoint candidates",
        std::string(kReasonNoEndpoints)});
  return false;
}

Director::Progress Director::run_producers() {
  plugins::Call call = state_.call();
  const auto& producers = pipeline_.plugins->producers;
  while (producer_ < producers.size()) {
    const plugins::ProducerStep& step = producers[producer_];
    bool possible = true;
    for (std::uint32_t needed : step.needs)
      possible = possible && state_.without[needed] == 0;
    if (!possible) {
      state_.without[producer_++] = 1;
      continue;
    }
    const epp_candidates all = candidates();
    const plugins::Production production =
        plugins::run_producer(step.instance, call, all, *services_.completions, mailbox_);
    if (production.status == EPP_PENDING) {
      token_ = production.token;
      std::optional<plugins::Completion> early = mailbox_->take_completion(token_);
      if (!early) {
        outbox_.start_timer(std::chrono::nanoseconds(step.time_limit_ns));
        return Progress::kWaiting;
      }
      token_ = 0;
      end_production(plugins::finish_producer(*step.instance, state_.context, *early), early->message());
      continue;
    }
    end_production(production.status, state_.error.message(), production.passed_over);
  }
  return Progress::kRouted;
}

// A producer without an answer costs its values and those of producers that require them, never the request. That one
// is out of service was told when it went.
void Director::end_production(epp_status status, std::string_view message, bool passed_over) {
  if (status < 0) state_.without[producer_] = 1;
  if (status < 0 && !passed_over) {
    const plugins::Instance& instance = *pipeline_.plugins->producers[producer_].instance;
    EPP_LOG_ERROR(log_,
                  "DataProducer \"" + instance.name() + "/" + instance.type() + "\" failed: " + std::string(message),
                  "failed to prepare per request data");
  }
  ++producer_;
  state_.timer.restart();
}

bool Director::run_admitters() {
  plugins::Call call = state_.call();
  const epp_candidates all = candidates();
  for (const plugins::InstancePtr& admitter : pipeline_.plugins->admitters) {
    const epp_status status = plugins::run_admitter(*admitter, call, all);
    if (status >= 0) continue;
    fail(pipeline_.typed_admitter_denials
             ? typed_denial(status, state_.error)
             : Error{ErrorCode::kInternal, "request cannot be admitted: " + error_text(status, state_.error.message()),
                     std::string(state_.error.reason())});
    return false;
  }
  return true;
}

bool Director::schedule() {
  const std::uint64_t start = plugins::clock().now_ns();
  ScheduleTrace trace(services_.tracer.scoped(kSchedulingScope), span_, services_.decisions, state_.context);
  scheduling::ScheduleError error;
  const bool found =
      pipeline_.scheduler->schedule(state_.context, candidates(), state_.workspace, error, trace.observer());
  services_.metrics->scheduler_e2e(since(start));
  if (found) return true;
  services_.metrics->scheduler_failure(state_.context.target_model);
  fail({code_of(error.status, ErrorCode::kResourceExhausted), error.message, error.reason});
  return false;
}

// A client that says `Prefer: if-available` wants the request only where its prefix is cached already.
bool Director::check_cached_prefix() {
  const std::string* prefer = state_.context.headers.find(header::kPrefer);
  if (prefer == nullptr || !prefers_if_available(*prefer)) return true;
  const std::span<const std::uint32_t> targets = state_.workspace.targets();
  const epp_attr attr = services_.attributes->find(kPrefixMatch);
  if (!targets.empty() && attr != EPP_ATTR_NONE) {
    const auto* blocks = static_cast<const std::int64_t*>(state_.context.read_column(attr, EPP_TYPE_I64));
    if (blocks != nullptr && blocks[targets.front()] != EPP_I64_MISSING && blocks[targets.front()] > 0) return true;
  }
  fail({ErrorCode::kPreconditionFailed, "no decode worker has the requested KV cache", {}});
  return false;
}

bool Director::prepare() {
  const epp_profile_results& results = state_.workspace.results();
  const std::span<const std::uint32_t> targets = state_.workspace.targets();
  if (results.count == 0 || results.primary >= results.count || targets.empty()) {
    fail({ErrorCode::kInternal, "results must be greater than zero", {}});
    return false;
  }
  const endpoints::Snapshot& snapshot = *state_.context.snapshot;
  route_.target = snapshot.endpoint(targets.front());
  for (std::uint32_t slot : targets) {
    if (!route_.destination.empty()) route_.destination += ',';
    route_.destination += snapshot.endpoint(slot)->host_port();
  }
  const epp_endpoint& first = route_.target->abi();
  services_.metrics->scheduler_success(state_.context.target_model, view(first.workload), view(first.name_space),
                                       view(first.port));
  collect_scores(*EPP_AT(epp_profile_result, results.items, results.stride, results.primary));
  dispatched_ = true;
  if (!run_pre_request_hooks(results)) return false;
  if (state_.context.destination) route_.destination = *state_.context.destination;
  enter_account();
  repackage();
  EPP_LOG(log_, kVerbose, "Request handled", {"endpoint", route_.destination});
  return true;
}

// Live counters show the request from here on, and it can be told to stop.
void Director::enter_account() {
  const plugins::RequestContext& context = state_.context;
  if (pipeline_.in_flight) {
    epp_running_request running{};
    running.size = sizeof(running);
    running.priority = priority_;
    running.id = view(context.id);
    running.serial = context.abi()->serial;
    running.fairness_id = view(context.fairness_id);
    running.host_port = view(std::string_view(route_.target->host_port()));
    running.dispatched_ns = plugins::clock().now_ns();
    running.cost = cost_;
    pipeline_.in_flight->track(running, mailbox_);
  }
  // Last: others may be dispatched by it, and look for a victim.
  if (ticket_) ticket_->scheduled(route_.target->slot(), route_.target->uid());
}

void Director::collect_scores(const epp_profile_result& primary) {
  if (!services_.options.emit_endpoint_scores || primary.scores == nullptr) return;
  const endpoints::Snapshot& snapshot = *state_.context.snapshot;
  for (std::uint64_t i = 0; i < primary.candidate_count; ++i)
    route_.scores.emplace_back(snapshot.endpoint(primary.candidates[i])->host_port(), primary.scores[i]);
}

// All hooks run: one that failed must not keep the others from taking note of the request.
bool Director::run_pre_request_hooks(const epp_profile_results& results) {
  plugins::Call call = state_.call();
  std::size_t failures = 0;
  Error typed;
  std::string joined;
  for (const plugins::InstancePtr& instance : pipeline_.plugins->pre_requests) {
    const epp_status status = plugins::run_pre_request(*instance, call, results);
    if (status >= 0) continue;
    if (failures++ != 0) joined += '\n';
    typed = {code_of(status, ErrorCode::kUnknown), std::string(state_.error.message()),
             std::string(state_.error.reason())};
    joined += "PreRequest \"" + instance->name() + "/" + instance->type() +
              "\" failed: " + error_text(status, state_.error.message());
  }
  if (failures == 0) return true;
  const bool single_typed = failures == 1 && typed.code != ErrorCode::kUnknown;
  fail(single_typed ? std::move(typed) : Error{ErrorCode::kInternal, std::move(joined), {}});
  return false;
}

void Director::repackage() {
  const std::string_view body{reinterpret_cast<const char*>(state_.context.body.data()), state_.context.body.size()};
  if (!mutated_) {
    route_.body = {body};
  } else if (!services_.options.splice_model_name) {
    auto text = std::make_shared<std::string>(request::reserialise_with_model(body, state_.context.target_model));
    route_.body = {*text};
    route_.body_owner = std::move(text);
  } else {
    // The name's own bytes stand in the arena, which does not outlive the request; replies may.
    struct Spliced {
      std::shared_ptr<const void> body;
      std::vector<std::string> names;
    };
    auto spliced = std::make_shared<Spliced>();
    spliced->body = std::move(route_.body_owner);
    route_.body = request::splice_model(*state_.parsed, state_.context.target_model);
    spliced->names.reserve(route_.body.size());
    for (std::string_view& piece : route_.body) {
      const bool in_body = piece.data() >= body.data() && piece.data() + piece.size() <= body.data() + body.size();
      if (!in_body) piece = spliced->names.emplace_back(piece);
    }
    route_.body_owner = std::move(spliced);
  }
  for (std::string_view piece : route_.body)
    route_.body_size += piece.size();
}

}  // namespace epp::lifecycle
