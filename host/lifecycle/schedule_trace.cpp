#include "lifecycle/schedule_trace.h"

#include <algorithm>
#include <chrono>

namespace epp::lifecycle {
namespace {

constexpr std::size_t kTopEndpoints = 5;

std::string_view host_port(const epp_candidates& candidates, std::uint32_t position) {
  const epp_str& text = candidates.endpoints[candidates.slots[position]]->host_port;
  return {text.data, text.size};
}

}  // namespace

ScheduleTrace::ScheduleTrace(telemetry::Tracer tracer, const telemetry::Span& parent, telemetry::DecisionLog* log,
                             const plugins::RequestContext& request)
    : tracer_(tracer),
      parent_(parent.context()),
      spans_(parent.recording()),
      log_(log != nullptr && log->recording(telemetry::DecisionLog::Clock::now()) ? log : nullptr),
      request_(request) {}

void ScheduleTrace::on_profile_start(std::string_view profile, const epp_candidates& /*candidates*/) {
  rows_.clear();
  scorers_ = 0;
  if (!spans_) return;
  profile_ = tracer_.start("run_scheduler_profile", parent_);
  profile_.set("llm_d.epp.scheduling.profile.name", profile);
}

void ScheduleTrace::on_filtered(std::string_view /*profile*/, std::uint32_t before, std::uint32_t after) {
  if (!spans_) return;
  telemetry::Span span = tracer_.start("filter_endpoints", profile_.context());
  span.set("llm_d.epp.filter.candidate_endpoints", before);
  span.set("llm_d.epp.filter.filtered_endpoints", after);
  span.set("gen_ai.request.model", std::string_view(request_.target_model));
  span.set("gen_ai.request.id", std::string_view(request_.id));
}

void ScheduleTrace::on_scorer(const plugins::Instance& scorer, double weight, const epp_candidates& candidates,
                              std::span<const double> scores) {
  if (log_ != nullptr) rows_.push_back({scorer.name(), {scores.begin(), scores.end()}});
  if (!spans_) return;
  if (scorers_++ == 0) {
    scoring_ = tracer_.start("llm_d.epp.scoring", profile_.context());
    scoring_.set("llm_d.epp.scoring.candidate_endpoints", candidates.count);
  }
  telemetry::Span span = tracer_.start("llm_d.epp.scorer." + scorer.type(), scoring_.context());
  span.set("llm_d.epp.scorer.type", std::string_view(scorer.type()));
  span.set("llm_d.epp.scorer.name", std::string_view(scorer.name()));
  span.set("llm_d.epp.scorer.weight", weight);
  span.set("llm_d.epp.scorer.candidate_endpoints", candidates.count);
  span.set("llm_d.epp.scorer.endpoints_scored", scores.size());
  if (scores.empty()) return;
  double sum = 0;
  for (double score : scores)
    sum += score;
  span.set("llm_d.epp.scorer.score.max", *std::max_element(scores.begin(), scores.end()));
  span.set("llm_d.epp.scorer.score.avg", sum / static_cast<double>(scores.size()));
}

void ScheduleTrace::on_picked(std::string_view profile, const epp_candidates& candidates,
                              std::span<const double> totals, std::span<const std::uint32_t> positions) {
  if (spans_) {
    if (scorers_ > 0) {
      scoring_.set("llm_d.epp.scorer.count", scorers_);
      scoring_.end();
    }
    telemetry::Span span = tracer_.start("pick_endpoints", profile_.context());
    span.set("llm_d.epp.picker.candidate_endpoints", candidates.count);
    std::vector<std::string> names;
    std::vector<double> scores;
    for (std::uint32_t position : positions.first(std::min(kTopEndpoints, positions.size()))) {
      names.emplace_back(host_port(candidates, position));
      scores.push_back(totals[position]);
    }
    span.set("llm_d.epp.picker.top_endpoints", telemetry::AttributeValue(std::move(names)));
    span.set("llm_d.epp.picker.top_scores", telemetry::AttributeValue(std::move(scores)));
  }
  if (log_ == nullptr) return;
  telemetry::Decision decision;
  decision.request_id = request_.id;
  decision.time = std::chrono::system_clock::now();
  decision.profile = profile;
  for (std::uint32_t position : positions) {
    if (!decision.target.empty()) decision.target += ',';
    decision.target += host_port(candidates, position);
  }
  for (std::uint32_t i = 0; i < candidates.count; ++i) {
    telemetry::DecisionCandidate candidate;
    candidate.endpoint = host_port(candidates, i);
    candidate.total = i < totals.size() ? totals[i] : 0;
    for (const ScorerRow& row : rows_) {
      if (i < row.scores.size()) candidate.scores.emplace_back(row.name, row.scores[i]);
    }
    decision.candidates.push_back(std::move(candidate));
  }
  log_->add(std::move(decision));
}

void ScheduleTrace::on_profile_end(std::string_view /*profile*/, bool succeeded) {
  scoring_.end();
  if (!succeeded) profile_.set_status(telemetry::SpanStatus::kError);
  profile_.end();
}

}  // namespace epp::lifecycle
