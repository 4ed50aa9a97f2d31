#include "app/flow_control.h"

#include "plugins/environment.h"

#include <epp/abi.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace epp::app {
namespace {

using flowcontrol::Nanos;
using Nanoseconds = std::chrono::nanoseconds;

// Live counters show the end of a request at once; this is for the dispatcher to look.
constexpr Nanoseconds kLiveCounterGrace = std::chrono::milliseconds(10);
constexpr Nanoseconds kScrapeMargin = std::chrono::milliseconds(250);

Nanos nanos(Nanoseconds duration) {
  return duration.count() > 0 ? static_cast<Nanos>(duration.count()) : 0;
}

std::uint64_t limit(std::int64_t value) {
  return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

flowcontrol::BandOptions band_options(const config::EffectiveBand& band, const plugins::PluginSet& set) {
  return {.priority = static_cast<std::int32_t>(band.priority),
          .max_requests = limit(band.max_requests),
          .max_bytes = limit(band.max_bytes),
          .fairness = set.at(band.fairness_policy),
          .ordering = set.at(band.ordering_policy)};
}

// How long the end of a request may stay unseen by the detector.
Nanoseconds blind_time(const plugins::InstancePtr& detector, const config::Options& options) {
  Nanoseconds believed = options.metrics_staleness_threshold;
  if (const auto age = detector != nullptr ? detector->believed_age_ns() : std::nullopt) {
    constexpr std::uint64_t kLongest = 3'600'000'000'000;  // an hour: what is beyond is a mistake
    believed = Nanoseconds(std::min(*age, kLongest));
    if (believed.count() == 0) return kLiveCounterGrace;
  }
  return options.refresh_metrics_interval + believed + kScrapeMargin;
}

telemetry::FlowGauges gauges_of(const flowcontrol::View& view) {
  telemetry::FlowGauges gauges;
  gauges.saturation = view.saturation;
  gauges.prefill = view.prefill_saturation;
  gauges.decode = view.decode_saturation;
  gauges.total = {view.length, view.bytes, view.max_requests, view.max_bytes};
  for (const flowcontrol::BandView& band : view.bands) {
    gauges.bands.push_back({band.priority, {band.length, band.bytes, band.max_requests, band.max_bytes}});
  }
  return gauges;
}

}  // namespace

flowcontrol::Options dispatcher_options(const config::EffectiveConfig& effective, const plugins::PluginSet& set) {
  const config::EffectiveFlowControl& flow = effective.flow_control;
  flowcontrol::Options options;
  options.max_requests = limit(flow.max_requests);
  options.max_bytes = limit(flow.max_bytes);
  options.default_ttl_ns = nanos(flow.default_request_ttl);
  options.no_endpoint_ttl_ns = nanos(flow.no_endpoint_request_ttl);
  for (const config::EffectiveBand& band : flow.bands) {
    options.bands.push_back(band_options(band, set));
  }
  options.default_band = band_options(flow.default_band, set);
  options.default_negative_band = band_options(flow.default_negative_band, set);
  options.detector = set.at(effective.saturation_detector);
  options.usage_limits = set.at(flow.usage_limit_policy);
  options.extensions = {.displace_lower_bands = flow.epp.displace_lower_bands,
                        .reserved_for_high_bands = flow.epp.reserved_for_high_bands,
                        .hold_stale_ns = nanos(flow.epp.hold_stale),
                        .hysteresis = flow.epp.hysteresis,
                        .max_flows = limit(flow.epp.max_flows_per_band),
                        .gate_per_stage = flow.epp.gate_per_stage};
  return options;
}

std::optional<flowcontrol::ReclaimOptions> reclaim_options(const config::EffectiveConfig& effective,
                                                           const plugins::PluginSet& set,
                                                           const config::Options& options) {
  const config::EffectiveFlowControl& flow = effective.flow_control;
  if (!flow.enabled || !flow.enable_eviction) return std::nullopt;
  flowcontrol::ReclaimOptions reclaim;
  reclaim.filter = set.at(flow.eviction_filter);
  reclaim.ordering = set.at(flow.eviction_ordering);
  reclaim.grace_ns = nanos(blind_time(set.at(effective.saturation_detector), options));
  return reclaim;
}

lifecycle::FlowAdmissionOptions admission_options(const config::FlowControlExtensions& extensions) {
  return {.request_deadlines = extensions.request_deadlines,
          .decode_only_below_tokens = extensions.gate_per_stage ? extensions.decode_only_below_tokens : 0,
          .retry_after = extensions.retry_after,
          .queue_position = extensions.queue_position};
}

// While requests wait in the queue before this one, what one of ours gives back goes to them first.
class FlowControl::HandOver final : public lifecycle::Admission {
 public:
  HandOver(flowcontrol::Dispatcher& dispatcher, lifecycle::FlowAdmissionOptions options,
           std::weak_ptr<FlowControl> before)
      : own_(dispatcher, options), before_(std::move(before)) {}

  Answer admit(const lifecycle::AdmissionRequest& request, const lifecycle::AdmissionReceiverPtr& receiver) override {
    Answer answer = own_.admit(request, receiver);
    if (answer.ticket != nullptr && !before_.expired())
      answer.ticket = std::make_unique<Ticket>(std::move(answer.ticket), before_);
    return answer;
  }

  void capacity_changed() override {
    if (const std::shared_ptr<FlowControl> before = before_.lock()) return before->poke();
    own_.capacity_changed();
  }

 private:
  class Ticket final : public flowcontrol::Ticket {
   public:
    Ticket(std::unique_ptr<flowcontrol::Ticket> own, std::weak_ptr<FlowControl> before)
        : own_(std::move(own)), before_(std::move(before)) {}
    ~Ticket() override { poke(before_); }

    void scheduled(std::uint32_t slot, std::uint64_t uid) override { own_->scheduled(slot, uid); }
    void settle(std::int64_t tokens) override { own_->settle(tokens); }

   private:
    std::unique_ptr<flowcontrol::Ticket> own_;
    std::weak_ptr<FlowControl> before_;
  };

  static void poke(const std::weak_ptr<FlowControl>& before) {
    if (const std::shared_ptr<FlowControl> queue = before.lock()) queue->poke();
  }

  lifecycle::FlowAdmission own_;
  const std::weak_ptr<FlowControl> before_;
};

FlowControl::FlowControl(FlowControlOptions options, FlowControlParts parts, const std::shared_ptr<FlowControl>& before)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      before_(before),
      observer_(parts_.pool, parts_.queue_metrics, parts_.metrics, parts_.log),
      alarm_(parts_.pool, [this] { dispatcher_->on_alarm(); }) {
  if (options_.reclaim) {
    reclaimer_ = std::make_unique<flowcontrol::Reclaimer>(*options_.reclaim, observer_);
    in_flight_ = std::make_unique<lifecycle::ReclaimableInFlight>(*reclaimer_);
  }
  dispatcher_ = std::make_unique<flowcontrol::Dispatcher>(options_.dispatcher, parts_.table, parts_.attributes,
                                                          observer_, alarm_, reclaimer_.get());
  if (before == nullptr) {
    admission_ = std::make_unique<lifecycle::FlowAdmission>(*dispatcher_, options_.admission);
  } else {
    admission_ = std::make_unique<HandOver>(*dispatcher_, options_.admission, before_);
  }
  gauges_ = parts_.queue_metrics.metrics.gauges(parts_.registry, [this] {
    if (reclaimer_) reclaimer_->status(plugins::clock().now_ns());  // lets what has cooled go, on an idle host, too
    return gauges_of(dispatcher_->view(/*longest_flows=*/0));
  });
  parts_.table.add_listener(this);
  parts_.objectives.add_listener(this);
}

FlowControl::~FlowControl() {
  parts_.objectives.remove_listener(this);
  parts_.table.remove_listener(this);
  gauges_.clear();
  alarm_.stop();
}

void FlowControl::set_successor(const std::shared_ptr<FlowControl>& successor) {
  dispatcher_->set_next([next = std::weak_ptr<FlowControl>(successor)] {
    if (const std::shared_ptr<FlowControl> queue = next.lock()) queue->dispatcher_->poke();
  });
}

void FlowControl::poke() {
  if (const std::shared_ptr<FlowControl> before = before_.lock()) return before->poke();
  dispatcher_->poke();
}

std::optional<flowcontrol::Reclaimer::Status> FlowControl::reclaim_status() {
  if (!reclaimer_) return std::nullopt;
  return reclaimer_->status(plugins::clock().now_ns());
}

void FlowControl::install(const std::shared_ptr<FlowControl>& self, lifecycle::Pipeline& pipeline) {
  pipeline.admission = std::shared_ptr<lifecycle::Admission>(self, self->admission_.get());
  if (self->in_flight_) pipeline.in_flight = std::shared_ptr<lifecycle::InFlight>(self, self->in_flight_.get());
}

}  // namespace epp::app
