// Flow control: the dispatcher with what surrounds it in this process.
//
// Generations whose flow control is configured alike share it. Where it changed, a reload makes another beside it:
// newcomers ask the new one, those that wait in the old one stay there and go first whenever capacity becomes free,
// whichever queue gave it out.
#pragma once

#include "app/flow_observer.h"
#include "app/timer_alarm.h"
#include "config/effective_config.h"
#include "config/options.h"
#include "endpoints/endpoint_table.h"
#include "flowcontrol/dispatcher.h"
#include "flowcontrol/reclaimer.h"
#include "lifecycle/flow_admission.h"
#include "lifecycle/pipeline.h"
#include "net/io_pool.h"
#include "objectives/objective_table.h"
#include "plugins/pipeline.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/flow_metrics.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace epp::app {

// What flow control stands on; all of it outlives the pipelines.
struct FlowControlParts {
  net::IoPool& pool;
  endpoints::EndpointTable& table;
  endpoints::AttributeRegistry& attributes;
  objectives::ObjectiveTable& objectives;
  telemetry::Registry& registry;
  telemetry::EppMetrics& metrics;
  QueueMetrics& queue_metrics;
  telemetry::Logger log;
};

struct FlowControlOptions {
  flowcontrol::Options dispatcher;
  std::optional<flowcontrol::ReclaimOptions> reclaim;  // nullopt: nobody is evicted
  lifecycle::FlowAdmissionOptions admission;
  bool operator==(const FlowControlOptions&) const = default;
};

// From an effective configuration with the gate on.
flowcontrol::Options dispatcher_options(const config::EffectiveConfig& effective, const plugins::PluginSet& set);
// nullopt unless eviction is enabled.
std::optional<flowcontrol::ReclaimOptions> reclaim_options(const config::EffectiveConfig& effective,
                                                           const plugins::PluginSet& set,
                                                           const config::Options& options);
lifecycle::FlowAdmissionOptions admission_options(const config::FlowControlExtensions& extensions);

// Wakes the dispatcher when the pool changed; a request that ends wakes it by its ticket.
class FlowControl final : private endpoints::EndpointListener, private objectives::PriorityListener {
 public:
  // `before`: the one whose successor this is to be; may be null.
  FlowControl(FlowControlOptions options, FlowControlParts parts, const std::shared_ptr<FlowControl>& before = nullptr);
  // Every ticket must be gone.
  ~FlowControl() override;
  FlowControl(const FlowControl&) = delete;
  FlowControl& operator=(const FlowControl&) = delete;

  // Makes requests of `pipeline` pass through `self`, which lives as long as it.
  static void install(const std::shared_ptr<FlowControl>& self, lifecycle::Pipeline& pipeline);

  const FlowControlOptions& options() const { return options_; }
  flowcontrol::Dispatcher& dispatcher() { return *dispatcher_; }
  // The one that serves from now on, in place of this one. Once.
  void set_successor(const std::shared_ptr<FlowControl>& successor);
  // Capacity may have become free: those that wait in the oldest queue go first, then those in the next. [any thread]
  void poke();
  // nullopt: nobody is evicted.
  std::optional<flowcontrol::Reclaimer::Status> reclaim_status();

 private:
  class HandOver;

  void on_endpoint_added(const endpoints::EndpointPtr& /*endpoint*/) override {}
  void on_endpoint_removed(const endpoints::EndpointPtr& /*endpoint*/) override {}
  void on_published() override { dispatcher_->poke(); }
  void on_priorities(std::span<const std::int32_t> priorities) override { dispatcher_->want_bands(priorities); }

  const FlowControlOptions options_;
  const FlowControlParts parts_;
  const std::weak_ptr<FlowControl> before_;
  FlowObserver observer_;
  TimerAlarm alarm_;
  std::unique_ptr<flowcontrol::Reclaimer> reclaimer_;
  std::unique_ptr<flowcontrol::Dispatcher> dispatcher_;
  std::unique_ptr<lifecycle::ReclaimableInFlight> in_flight_;
  std::unique_ptr<lifecycle::Admission> admission_;
  std::vector<telemetry::CallbackHandle> gauges_;
};

// {"enabled":true, "length":..., "gate":{...}, "bands":[...]}, as GET /debug/flowcontrol answers it; {"enabled":false}
// for none.
std::string flow_control_document(FlowControl* flow_control);
std::string flow_control_document(const flowcontrol::View& view,
                                  const std::optional<flowcontrol::Reclaimer::Status>& eviction);

}  // namespace epp::app
