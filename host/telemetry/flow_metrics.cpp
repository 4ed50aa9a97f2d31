#include "telemetry/flow_metrics.h"

#include "telemetry/buckets.h"
#include "telemetry/family_maker.h"

#include <algorithm>
#include <utility>

namespace epp::telemetry {
namespace {

using detail::extension;
using detail::Labels;
using detail::Maker;
using detail::spec;

const Labels kWait{"fairness_id", "priority", "outcome", "inference_pool", "model_name", "target_model_name"};
const Labels kEnqueue{"fairness_id", "priority", "outcome"};
const Labels kWaiting{"fairness_id", "priority", "inference_pool", "model_name", "target_model_name"};
const Labels kSaturation{"inference_pool", "stage"};
const Labels kBand{"priority", "inference_pool"};
const Labels kPool{"inference_pool"};

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

template <class Make>
const Histogram& by_outcome(std::vector<std::pair<std::string_view, Histogram>>& known, std::string_view outcome,
                            Make make) {
  for (const auto& [name, histogram] : known) {
    if (name == outcome) return histogram;
  }
  return known.emplace_back(outcome, make()).second;
}

double share(std::uint64_t used, std::uint64_t limit) {
  return static_cast<double>(used) / static_cast<double>(limit);
}

}  // namespace

FlowMetrics::FlowMetrics(Registry& registry, LabelLimiter& models, Options options)
    : models_(models), options_(std::move(options)) {
  Maker make(registry);
  const std::string wait = "flow_control_request_queue_duration_seconds";
  queue_duration_ =
      make.histogram(spec(wait, "Time that requests spent in the flow control queue.", kWait, extension(wait, kWait)),
                     buckets::kQueue);
  const std::string enqueue = "flow_control_request_enqueue_duration_seconds";
  enqueue_duration_ = make.histogram(
      spec(enqueue, "Time that it took to queue or refuse a request.", kEnqueue, extension(enqueue, kEnqueue)),
      buckets::kQueue);
  const std::string cycle = "flow_control_dispatch_cycle_duration_seconds";
  cycle_ =
      make.histogram(spec(cycle, "Duration of a dispatch cycle.", {}, extension(cycle, {}), true), buckets::kScheduling)
          ->with({});
  const std::string size = "flow_control_queue_size";
  queue_size_ = make.gauge(spec(size, "Requests in the flow control queue.", kWaiting, extension(size, kWaiting)));
  const std::string bytes = "flow_control_queue_bytes";
  queue_bytes_ =
      make.gauge(spec(bytes, "Bytes of the requests in the flow control queue.", kWaiting, extension(bytes, kWaiting)));
  requests_total_ = make.counter(spec("flow_control_requests_total", "Requests that left flow control, by outcome.",
                                      {"outcome", "priority", "inference_pool"}));
  revocations_issued_ = make.counter(spec("flow_control_revocations_issued_total",
                                          "Running requests told to stop, by the priority that waited.", kBand));
  revocations_ =
      make.counter(spec("flow_control_revocations_total", "How revocations ended.", {"outcome", "inference_pool"}));
  reclaim_targets_ =
      make.gauge(spec("flow_control_reclaim_target", "Saturation that the last decision wanted to win back.", kPool));
  pending_reclaims_ = make.gauge(
      spec("flow_control_pending_reclaim", "Saturation that revocations under way are expected to win back.", kPool));
  confirmation_ = make.histogram(
      spec("flow_control_revocation_confirmation_seconds", "Time from a revocation to the end of its request.", kPool),
      buckets::kConfirmation);
}

FlowMetrics::Clients::iterator FlowMetrics::client(std::string_view fairness_id) {
  const auto found = clients_.find(fairness_id);
  if (found != clients_.end()) return found;
  const auto at = clients_.emplace(fairness_id, Client{}).first;
  at->second.named = named_ < options_.max_fairness_ids && fairness_id.size() <= LabelLimiter::kMaxLength &&
                     fairness_id != LabelLimiter::kOther;
  if (at->second.named) ++named_;
  return at;
}

FlowMetrics::SeriesSet& FlowMetrics::series(Clients::iterator at, const Request& request) {
  Client& owner = at->second.named ? at->second : others_;
  const std::string_view model = models_.fold(request.model);
  const std::string_view target = models_.fold(request.target_model);
  series_key_.assign(reinterpret_cast<const char*>(&request.priority), sizeof(request.priority));
  series_key_.append(reinterpret_cast<const char*>(&request.band), sizeof(request.band));
  series_key_.append(model).append(1, '\0').append(target);
  const auto known = owner.series.find(series_key_);
  if (known != owner.series.end()) return known->second;
  SeriesSet& set = owner.series[series_key_];
  set.priority = request.priority;
  set.band = request.band;
  set.model = model;
  set.target_model = target;
  const std::string_view id = at->second.named ? std::string_view(at->first) : LabelLimiter::kOther;
  set.where = LabelValues{id, std::to_string(request.priority), options_.pool, model, target};
  set.size = queue_size_->with(set.where);
  set.bytes = queue_bytes_->with(set.where);
  return set;
}

LabelValues FlowMetrics::wait_labels(std::string_view id, const SeriesSet& set, std::string_view outcome) const {
  return {id, std::to_string(set.band), outcome, options_.pool, set.model, set.target_model};
}

LabelValues FlowMetrics::enqueue_labels(std::string_view id, const SeriesSet& set, std::string_view outcome) const {
  return {id, std::to_string(set.band), outcome};
}

void FlowMetrics::asked(const Request& request) {
  const auto at = client(request.fairness_id);
  ++at->second.waiting;
  const SeriesSet& set = series(at, request);
  set.size.add(1);
  set.bytes.add(static_cast<double>(request.bytes));
}

void FlowMetrics::enqueued(const Request& request, std::string_view outcome, Duration took) {
  const auto at = client(request.fairness_id);
  std::vector<std::int32_t>& bands = at->second.bands;
  if (std::find(bands.begin(), bands.end(), request.band) == bands.end()) bands.push_back(request.band);
  const std::string_view id = at->second.named ? std::string_view(at->first) : LabelLimiter::kOther;
  SeriesSet& set = series(at, request);
  by_outcome(set.enqueues, outcome, [&] {
    return enqueue_duration_->with(enqueue_labels(id, set, outcome));
  }).observe(seconds(took));
}

void FlowMetrics::ended(const Request& request, std::string_view outcome, Duration waited) {
  requests_total_->inc({outcome, std::to_string(request.priority), options_.pool});
  const auto at = client(request.fairness_id);
  const std::string_view id = at->second.named ? std::string_view(at->first) : LabelLimiter::kOther;
  SeriesSet& set = series(at, request);
  set.size.add(-1);
  set.bytes.add(-static_cast<double>(request.bytes));
  by_outcome(set.waits, outcome, [&] {
    return queue_duration_->with(wait_labels(id, set, outcome));
  }).observe(seconds(waited));
  if (at->second.waiting > 0) --at->second.waiting;
}

bool FlowMetrics::flow_removed(std::string_view fairness_id, std::int32_t band) {
  const auto at = clients_.find(fairness_id);
  if (at == clients_.end()) return false;
  std::erase(at->second.bands, band);
  return forget_if_gone(at);
}

bool FlowMetrics::forget_if_gone(Clients::iterator at) {
  Client& gone = at->second;
  if (gone.waiting != 0 || !gone.bands.empty()) return false;
  for (const auto& [key, set] : gone.series) {
    queue_size_->remove(set.where);
    queue_bytes_->remove(set.where);
    for (const auto& [outcome, histogram] : set.waits)
      queue_duration_->remove(wait_labels(at->first, set, outcome));
    for (const auto& [outcome, histogram] : set.enqueues)
      enqueue_duration_->remove(enqueue_labels(at->first, set, outcome));
  }
  if (gone.named) --named_;
  clients_.erase(at);
  return true;
}

std::vector<CallbackHandle> FlowMetrics::gauges(Registry& registry, std::function<FlowGauges()> read) {
  std::vector<CallbackHandle> handles;
  const auto add = [&](const FamilySpec& family, std::function<void(const FlowGauges&, CallbackSink&)> emit) {
    handles.push_back(registry.callback(family, MetricKind::kGauge,
                                        [read, emit = std::move(emit)](CallbackSink& sink) { emit(read(), sink); }));
  };
  const std::string saturation = "flow_control_pool_saturation";
  add(spec(saturation, "Saturation of the pool, by stage and as it counts.", kSaturation,
           extension(saturation, kSaturation)),
      [this](const FlowGauges& now, CallbackSink& sink) {
        if (now.prefill) sink.emit({options_.pool, "prefill"}, *now.prefill);
        if (now.decode) sink.emit({options_.pool, "decode"}, *now.decode);
        sink.emit({options_.pool, "effective"}, now.saturation);
      });
  using Use = FlowGauges::Use;
  const auto utilisation = [&](const std::string& unit, const std::string& what, std::uint64_t Use::*used,
                               std::uint64_t Use::*limit) {
    add(spec("flow_control_capacity_utilization_" + unit, "Share of a band's " + what + " limit in use.", kBand),
        [this, used, limit](const FlowGauges& now, CallbackSink& sink) {
          for (const FlowGauges::Band& band : now.bands) {
            if (band.use.*limit == 0) continue;
            sink.emit({std::to_string(band.priority), options_.pool}, share(band.use.*used, band.use.*limit));
          }
        });
    add(spec("flow_control_global_capacity_utilization_" + unit, "Share of the global " + what + " limit in use.",
             kPool),
        [this, used, limit](const FlowGauges& now, CallbackSink& sink) {
          if (now.total.*limit != 0) sink.emit({options_.pool}, share(now.total.*used, now.total.*limit));
        });
  };
  utilisation("requests", "request", &Use::requests, &Use::max_requests);
  utilisation("bytes", "byte", &Use::bytes, &Use::max_bytes);
  return handles;
}

void FlowMetrics::revocation_issued(std::int32_t demand_priority) {
  revocations_issued_->inc({std::to_string(demand_priority), options_.pool});
}

void FlowMetrics::revocation_confirmed(Duration took) {
  revocations_->inc({"confirmed", options_.pool});
  confirmation_->observe({options_.pool}, seconds(took));
}

void FlowMetrics::revocation_timed_out() {
  revocations_->inc({"timed_out", options_.pool});
}

void FlowMetrics::reclaim_sized(double target, double pending) {
  if (!std::exchange(sized_, true)) {
    reclaim_target_ = reclaim_targets_->with({options_.pool});
    pending_reclaim_ = pending_reclaims_->with({options_.pool});
  }
  reclaim_target_.set(target);
  pending_reclaim_.set(pending);
}

}  // namespace epp::telemetry
