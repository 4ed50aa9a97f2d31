#include "app/flow_observer.h"

#include <epp/abi.h>

#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace epp::app {
namespace {

using flowcontrol::Nanos;
using flowcontrol::Outcome;
using flowcontrol::Subject;
using flowcontrol::Verdict;

constexpr std::chrono::seconds kSummaryEvery{1};

std::chrono::nanoseconds duration(Nanos nanos) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(nanos));
}

std::string_view view(const epp_str& text) {
  return {text.data, text.size};
}

telemetry::FlowMetrics::Request labels(const Subject& subject) {
  telemetry::FlowMetrics::Request request{.fairness_id = subject.fairness_id,
                                          .priority = subject.priority,
                                          .band = subject.fell_back ? 0 : subject.priority,
                                          .bytes = subject.bytes,
                                          .model = {},
                                          .target_model = {}};
  if (subject.request != nullptr) {
    request.model = view(subject.request->incoming_model);
    request.target_model = view(subject.request->target_model);
  }
  return request;
}

}  // namespace

FlowObserver::~FlowObserver() {
  summary_.cancel();
  if (summary_due_) write_summary();
}

void FlowObserver::asked(const Subject& subject) {
  with_metrics([&](auto& metrics) { metrics.asked(labels(subject)); });
  if (subject.fell_back) {
    EPP_LOG(log_, kInfo, "No band of the requested priority, request queued at priority 0",
            {"priority", subject.priority}, {"fairnessID", subject.fairness_id});
  }
}

void FlowObserver::enqueued(const Subject& subject, const Verdict& verdict, Nanos took) {
  with_metrics([&](auto& metrics) { metrics.enqueued(labels(subject), to_string(verdict.outcome), duration(took)); });
}

void FlowObserver::ended(const Subject& subject, const Verdict& verdict, Nanos waited) {
  with_metrics([&](auto& metrics) { metrics.ended(labels(subject), to_string(verdict.outcome), duration(waited)); });
  EPP_LOG(log_, kDebug, "Flow control outcome", {"outcome", to_string(verdict.outcome)},
          {"fairnessID", subject.fairness_id}, {"priority", subject.priority}, {"waited", duration(waited)});
  if (verdict.outcome != Outcome::kDispatched) count_drop(verdict.outcome);
}

void FlowObserver::cycle(Nanos took) {
  with_metrics([&](auto& metrics) { metrics.cycle(duration(took)); });
}

void FlowObserver::band_added(std::int32_t priority) {
  EPP_LOG(log_, kDefault, "Priority band created", {"priority", priority});
}

void FlowObserver::band_removed(std::int32_t priority) {
  EPP_LOG(log_, kDefault, "Priority band deleted", {"priority", priority});
}

void FlowObserver::flow_removed(std::string_view fairness_id, std::int32_t priority) {
  if (!with_metrics([&](auto& metrics) { return metrics.flow_removed(fairness_id, priority); })) return;
  EPP_LOG(log_, kDebug, "Flow forgotten", {"fairnessID", fairness_id}, {"priority", priority});
  // Request series keep their names while there are names left. Then those of clients that went away make room;
  // finding their series takes long.
  if (!request_metrics_.fairness_limiter().full()) return;
  pool_.post([&metrics = request_metrics_, id = std::string(fairness_id)] { metrics.forget_fairness_id(id); });
}

void FlowObserver::count_drop(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  ++drops_[static_cast<std::size_t>(outcome)];
  if (std::exchange(summary_due_, true)) return;
  summary_.once(kSummaryEvery, [this] { write_summary(); });
}

void FlowObserver::write_summary() {
  std::array<std::uint64_t, flowcontrol::kOutcomeCount> drops{};
  {
    const std::lock_guard lock(mutex_);
    drops.swap(drops_);
    summary_due_ = false;
  }
  std::string counts;
  for (std::size_t i = 0; i < drops.size(); ++i) {
    if (drops[i] == 0) continue;
    if (!counts.empty()) counts += ',';
    counts += fmt::format("\"{}\":{}", to_string(static_cast<Outcome>(i)), drops[i]);
  }
  EPP_LOG(log_, kInfo, "Flow control dropped requests", telemetry::LogField::json("outcomes", "{" + counts + "}"));
}

void FlowObserver::issued(std::int32_t demand_priority) {
  with_metrics([&](auto& metrics) { metrics.revocation_issued(demand_priority); });
  EPP_LOG(log_, kDefault, "Running request told to stop for a waiting one", {"demandPriority", demand_priority});
}

void FlowObserver::confirmed(Nanos took) {
  with_metrics([&](auto& metrics) { metrics.revocation_confirmed(duration(took)); });
}

void FlowObserver::timed_out() {
  with_metrics([](auto& metrics) { metrics.revocation_timed_out(); });
  EPP_LOG(log_, kInfo, "A request that was told to stop has not ended in time");
}

void FlowObserver::sized(double target, double pending) {
  with_metrics([&](auto& metrics) { metrics.reclaim_sized(target, pending); });
}

}  // namespace epp::app
