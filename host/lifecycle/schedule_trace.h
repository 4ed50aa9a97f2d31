// Spans and the decision log of one scheduling run.
#pragma once

#include "scheduling/scheduler.h"
#include "telemetry/decision_log.h"
#include "telemetry/trace.h"

#include <string>
#include <string_view>
#include <vector>

namespace epp::lifecycle {

/// Lives for one schedule() call. Costs nothing unless the parent span records or the log is looked at.
class ScheduleTrace final : public scheduling::ScheduleObserver {
 public:
  /// `log` may be null. `request` outlives this.
  ScheduleTrace(telemetry::Tracer tracer, const telemetry::Span& parent, telemetry::DecisionLog* log,
                const plugins::RequestContext& request);

  /// Null when nobody is interested.
  scheduling::ScheduleObserver* observer() { return spans_ || log_ != nullptr ? this : nullptr; }

  void on_profile_start(std::string_view profile, const epp_candidates& candidates) override;
  void on_filtered(std::string_view profile, std::uint32_t before, std::uint32_t after) override;
  void on_scorer(const plugins::Instance& scorer, double weight, const epp_candidates& candidates,
                 std::span<const double> scores) override;
  void on_picked(std::string_view profile, const epp_candidates& candidates, std::span<const double> totals,
                 std::span<const std::uint32_t> positions) override;
  void on_profile_end(std::string_view profile, bool succeeded) override;

 private:
  struct ScorerRow {
    std::string name;
    std::vector<double> scores;
  };

  telemetry::Tracer tracer_;
  telemetry::SpanContext parent_;
  bool spans_;
  telemetry::DecisionLog* log_;
  const plugins::RequestContext& request_;
  telemetry::Span profile_;
  telemetry::Span scoring_;
  std::int64_t scorers_ = 0;
  std::vector<ScorerRow> rows_;
};

}  // namespace epp::lifecycle
