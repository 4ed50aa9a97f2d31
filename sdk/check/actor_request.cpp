// The hooks of a request's life around its scheduling, and profile handlers.
#include "check/actor.h"
#include "check/odd_values.h"
#include "plugins/clock.h"

#include <algorithm>
#include <array>

namespace epp::check {

namespace {

constexpr std::array<uint32_t, 4> kCauses = {EPP_END_NATURAL, EPP_END_CLIENT_DISCONNECT, EPP_END_EVICTED,
                                             EPP_END_ERROR};

}  // namespace

void Actor::header_hook() {
  const Function function{EPP_EXT_REQUEST_HEADER " on_request_header"};
  const InPhase phase(request_.context(), plugins::Phase::kRequestHeader);
  epp_status status = EPP_OK;
  if (meter_.call(function, [&] {
        status = instance_->request_header->on_request_header(instance_->raw(), request_.abi(), meter_.error().next());
      })) {
    meter_.judge_status(function, status, true);
  }
}

void Actor::admit() {
  const Function function{EPP_EXT_ADMITTER " admit"};
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status = instance_->admitter->admit(instance_->raw(), request_.abi(), &candidates_, meter_.error().next());
  });
  require_intact(function);
  if (returned) meter_.judge_status(function, status, true);
}

// ---- profiles ----

// Results of all profiles: nothing known yet, or as after a scheduling that mostly went well.
void Actor::fill_results(bool after_scheduling) {
  totals_.assign(slots_.size(), 0.5);
  targets_ = slots_;
  if (targets_.size() > 1 + number_ % 3) targets_.resize(1 + number_ % 3);
  results_.assign(profiles_.size(), {});
  for (size_t i = 0; i < profiles_.size(); ++i) {
    epp_profile_result& result = results_[i];
    result.size = sizeof result;
    result.name = {profiles_[i].data(), profiles_[i].size()};
    if (!after_scheduling) continue;
    const bool failed = slots_.empty() || (i != 0 && random_.one_in(4));
    result.state = failed ? EPP_PROFILE_FAILED : EPP_PROFILE_SUCCEEDED;
    if (failed) {
      static constexpr std::string_view kWhy = "no endpoints are left";
      result.status = EPP_ERR_UNTYPED;
      result.message = {kWhy.data(), kWhy.size()};
      continue;
    }
    result.targets = targets_.data();
    result.target_count = targets_.size();
    result.candidates = slots_.data();
    result.scores = totals_.data();
    result.candidate_count = slots_.size();
  }
  shown_results_ = {};
  shown_results_.size = sizeof shown_results_;
  shown_results_.items = results_.data();
  shown_results_.count = results_.size();
  shown_results_.stride = sizeof(epp_profile_result);
  shown_results_.endpoints = candidates_.endpoints;
}

std::string Actor::bind() {
  const epp_profile_handler* handler = instance_->profile_handler;
  if (handler == nullptr || handler->bind == nullptr) return {};
  const Function function{EPP_EXT_PROFILE_HANDLER " bind"};
  std::string complaint;
  // With several profiles, then, if it takes one only, with that.
  for (;;) {
    std::vector<epp_str> names;
    names.reserve(profiles_.size());
    for (const std::string& name : profiles_)
      names.push_back({name.data(), name.size()});
    epp_status status = EPP_OK;
    meter_.scene(0, std::to_string(names.size()) + " profiles");
    meter_.error().next();
    const bool returned = meter_.call(function, [&] {
      const Watch::Scope scope(Doing::kMain, "bind");
      status = handler->bind(instance_->raw(), names.data(), names.size(), meter_.error().next());
    });
    if (returned && meter_.judge_status(function, status, true)) return {};
    complaint = meter_.error().message();
    if (profiles_.size() == 1) return complaint.empty() ? "no reason given" : complaint;
    profiles_.resize(1);
  }
}

void Actor::handle_profiles() {
  const Function picking{EPP_EXT_PROFILE_HANDLER " pick"};
  fill_results(false);
  bool any = true;
  for (size_t turn = 0; any && turn <= profiles_.size(); ++turn) {
    indexes_.reset(profiles_.size(), EPP_DECIDE_LEAVE);
    epp_status status = EPP_OK;
    const bool returned = meter_.call(picking, [&] {
      status = instance_->profile_handler->pick(instance_->raw(), request_.abi(), &shown_results_, indexes_.data(),
                                                meter_.error().next());
    });
    require_intact(picking);
    if (!returned || !meter_.judge_status(picking, status, true)) return;
    any = false;
    std::vector<epp_profile_result> after = results_;
    fill_results(true);
    for (size_t i = 0; i < profiles_.size(); ++i) {
      if (indexes_[i] > EPP_DECIDE_SKIP) {
        meter_.fail("calls.index", picking, "decided " + std::to_string(indexes_[i]));
        return;
      }
      if (indexes_[i] == EPP_DECIDE_RUN) after[i] = results_[i];
      if (indexes_[i] == EPP_DECIDE_SKIP) after[i].state = EPP_PROFILE_SKIPPED;
      any = any || indexes_[i] == EPP_DECIDE_RUN;
    }
    results_ = std::move(after);
    shown_results_.items = results_.data();
  }
  if (any) meter_.warn("calls.range", picking, "marks profiles to run after every turn, which the host ends");

  const Function processing{EPP_EXT_PROFILE_HANDLER " process"};
  indexes_.reset(profiles_.size(), 0);
  for (size_t i = 0; i < profiles_.size(); ++i)
    indexes_[i] = results_[i].state == EPP_PROFILE_SUCCEEDED ? 1 : 0;
  uint32_t primary = UINT32_MAX;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(processing, [&] {
    status = instance_->profile_handler->process(instance_->raw(), request_.abi(), &shown_results_, &primary,
                                                 indexes_.data(), meter_.error().next());
  });
  require_intact(processing);
  if (!returned || !meter_.judge_status(processing, status, true)) return;
  if (primary >= profiles_.size() || results_[primary].state != EPP_PROFILE_SUCCEEDED) {
    meter_.fail("calls.index", processing,
                "named profile " + std::to_string(primary) + " the primary one, which there is not or did not succeed");
  }
}

// As a profile handler asks it: of the first stage, or after another has its target.
void Actor::decide() {
  const Function function{EPP_EXT_DECIDER " decide"};
  const bool first = slots_.empty() || random_.one_in(2);
  const epp_endpoint* const target = first ? nullptr : candidates_.endpoints[slots_.front()];
  uint32_t yes = 0;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status = decider_->decide(instance_->raw(), request_.abi(), target, &yes, meter_.error().next());
  });
  if (!returned || !meter_.judge_status(function, status, true)) return;
  if (yes > 1) {
    meter_.fail("calls.range", function, "answered " + std::to_string(yes) + ", which is neither 0 nor 1");
  }
}

// ---- hooks after scheduling ----

void Actor::pre_request() {
  const Function function{EPP_EXT_PRE_REQUEST " pre_request"};
  const InPhase phase(request_.context(), plugins::Phase::kPreRequest);
  epp_status status = EPP_OK;
  if (meter_.call(function, [&] {
        status = instance_->pre_request->pre_request(instance_->raw(), request_.abi(), &shown_results_,
                                                     meter_.error().next());
      })) {
    meter_.judge_status(function, status, true);
  }
}

void Actor::respond() {
  usage_ = {};
  usage_.size = sizeof usage_;
  epp_response response{};
  response.size = sizeof response;
  response.flags = request_.abi()->flags & EPP_REQUEST_STREAM ? EPP_RESPONSE_STREAM : 0u;
  response.target = candidates_.endpoints[targets_.front()];
  response.usage = &usage_;
  // A client may be gone before anything came back.
  if (random_.one_in(8)) {
    complete(response);
    return;
  }
  response.status = random_.one_in(8) ? 503 : 200;
  if (instance_->response_header != nullptr) {
    const Function function{EPP_EXT_RESPONSE_HEADER " on_response_header"};
    const InPhase phase(request_.context(), plugins::Phase::kResponseHeader);
    epp_status status = EPP_OK;
    if (meter_.call(function, [&] {
          status = instance_->response_header->on_response_header(instance_->raw(), request_.abi(), &response,
                                                                  meter_.error().next());
        })) {
      meter_.judge_status(function, status);
    }
  }
  const uint64_t pieces = random_.below(4);
  for (uint64_t i = 0; i <= pieces; ++i) {
    const bool end = i == pieces;
    const std::string chunk = end ? std::string() : odd_text(Values::kExtreme, random_) + "data: {}\n\n";
    if (!end) ++response.chunks;
    response.body_size += chunk.size();
    response.streamed_events += end ? 0u : 1u;
    if (response.first_byte_ns == 0) response.first_byte_ns = plugins::clock().now_ns();
    if (end) {
      usage_.prompt_tokens = random_.below(100'000);
      usage_.completion_tokens = random_.below(5'000);
      usage_.total_tokens = usage_.prompt_tokens + usage_.completion_tokens;
      usage_.has_cached = static_cast<uint32_t>(random_.below(2));
      usage_.cached_tokens = usage_.has_cached != 0 ? usage_.prompt_tokens / 2 : 0;
    }
    if (instance_->response_body == nullptr) continue;
    const Function function{EPP_EXT_RESPONSE_BODY " on_response_body"};
    const InPhase phase(request_.context(), end ? plugins::Phase::kResponseEnd : plugins::Phase::kNone);
    const epp_bytes bytes{reinterpret_cast<const uint8_t*>(chunk.data()), chunk.size()};
    epp_status status = EPP_OK;
    if (meter_.call(function, [&] {
          status = instance_->response_body->on_response_body(instance_->raw(), request_.abi(), &response, bytes,
                                                              end ? 1u : 0u, meter_.error().next());
        })) {
      meter_.judge_status(function, status);
    }
  }
  complete(response);
}

void Actor::complete(epp_response& response) {
  if (instance_->response_complete == nullptr) return;
  const uint32_t cause = kCauses[random_.below(kCauses.size())];
  meter_.call({EPP_EXT_RESPONSE_COMPLETE " on_response_complete"}, [&] {
    instance_->response_complete->on_response_complete(instance_->raw(), request_.abi(), &response, cause);
  });
}

}  // namespace epp::check
