// What flow control tells: to metrics and to the log.
#pragma once

#include "flowcontrol/observer.h"
#include "flowcontrol/reclaimer.h"
#include "net/io_pool.h"
#include "net/timer.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/flow_metrics.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace epp::app {

// The metrics of all queues of this process: while a reload hands over there are two, and each takes one call at a time
// for granted.
struct QueueMetrics {
  QueueMetrics(telemetry::Registry& registry, telemetry::EppMetrics& request_metrics, std::string pool_name)
      : metrics(registry, request_metrics.model_limiter(), {.pool = std::move(pool_name)}) {}

  std::mutex mutex;
  telemetry::FlowMetrics metrics;
};

class FlowObserver final : public flowcontrol::Observer, public flowcontrol::ReclaimObserver {
 public:
  // All arguments outlive this.
  FlowObserver(net::IoPool& pool, QueueMetrics& metrics, telemetry::EppMetrics& request_metrics, telemetry::Logger log)
      : pool_(pool), metrics_(metrics), request_metrics_(request_metrics), log_(std::move(log)), summary_(pool) {}

  ~FlowObserver() override;
  FlowObserver(const FlowObserver&) = delete;
  FlowObserver& operator=(const FlowObserver&) = delete;

  void asked(const flowcontrol::Subject& subject) override;
  void enqueued(const flowcontrol::Subject& subject, const flowcontrol::Verdict& verdict,
                flowcontrol::Nanos took) override;
  void ended(const flowcontrol::Subject& subject, const flowcontrol::Verdict& verdict,
             flowcontrol::Nanos waited) override;
  void cycle(flowcontrol::Nanos took) override;
  void band_added(std::int32_t priority) override;
  void band_removed(std::int32_t priority) override;
  void flow_removed(std::string_view fairness_id, std::int32_t priority) override;

  void issued(std::int32_t demand_priority) override;
  void confirmed(flowcontrol::Nanos took) override;
  void timed_out() override;
  void sized(double target, double pending) override;

 private:
  // Calls `tell` with the metrics, alone.
  template <typename Tell>
  auto with_metrics(Tell tell) {
    const std::lock_guard lock(metrics_.mutex);
    return tell(metrics_.metrics);
  }
  void count_drop(flowcontrol::Outcome outcome);
  void write_summary();

  net::IoPool& pool_;
  QueueMetrics& metrics_;
  telemetry::EppMetrics& request_metrics_;
  const telemetry::Logger log_;

  // Requests that were not dispatched: one line a second tells how many, by outcome.
  std::mutex mutex_;
  std::array<std::uint64_t, flowcontrol::kOutcomeCount> drops_{};
  bool summary_due_ = false;
  net::Timer summary_;
};

}  // namespace epp::app
