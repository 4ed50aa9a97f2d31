#include "telemetry/epp_metrics.h"

#include "telemetry/buckets.h"
#include "telemetry/family_maker.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace epp::telemetry {
namespace {

using detail::extension;
using detail::Labels;
using detail::Maker;
using detail::Old;
using detail::spec;

const Labels kR{"model_name", "target_model_name", "fairness_id", "priority"};
const Labels kM{"model_name", "target_model_name"};
const Labels kPool{"name"};
const Labels kPlugin{"extension_point", "plugin_type", "plugin_name"};

Labels plus(Labels labels, const char* more) {
  labels.emplace_back(more);
  return labels;
}

Old objective(std::string_view name, Labels labels = kM) {
  return {std::string("inference_objective_").append(name), std::move(labels)};
}
Old inference_pool(std::string_view name) {
  return {std::string("inference_pool_").append(name), kPool};
}
Old inference_scheduler(std::string_view name, Labels labels) {
  return {std::string("llm_d_inference_scheduler_").append(name), std::move(labels)};
}

double two_decimals(double value) {
  return std::round(value * 100) / 100;
}

struct Spread {
  double mean = 0;
  double deviation = 0;  // of a sample (n - 1)
};

Spread spread(std::span<const EndpointLoad> loads, double EndpointLoad::*field) {
  const auto n = static_cast<double>(loads.size());
  double sum = 0;
  for (const auto& load : loads)
    sum += load.*field;
  Spread result{.mean = sum / n};
  if (loads.size() < 2) return result;
  double squares = 0;
  for (const auto& load : loads)
    squares += (load.*field - result.mean) * (load.*field - result.mean);
  result.deviation = std::sqrt(squares / (n - 1));
  return result;
}

}  // namespace

EppMetrics::EppMetrics(Registry& registry, Options options)
    : models_(options.max_models), fairness_(options.max_fairness_ids), registry_(registry) {
  Maker make(registry);

  request_total_ = make.counter(spec("request_total", "Requests scheduled.", kR,
                                     objective("request_total", {"model_name", "target_model_name", "priority"})));
  request_error_total_ =
      make.counter(spec("request_error_total", "Requests that failed, by error code.", plus(kR, "error_code"),
                        objective("request_error_total", {"model_name", "target_model_name", "error_code"})));
  request_duration_ = make.histogram(spec("request_duration_seconds", "Time from request to end of response.", kR,
                                          objective("request_duration_seconds")),
                                     buckets::kLatency);
  request_size_ = make.histogram(
      spec("request_size_bytes", "Size of the request body.", kR, objective("request_sizes")), buckets::kRequestSize);
  response_size_ =
      make.histogram(spec("response_size_bytes", "Size of the response body.", kR, objective("response_sizes")),
                     buckets::kResponseSize);
  input_tokens_ =
      make.histogram(spec("request_input_tokens", "Prompt tokens of a request.", kR, objective("input_tokens")),
                     buckets::kInputTokens);
  output_tokens_ =
      make.histogram(spec("request_output_tokens", "Completion tokens of a request.", kR, objective("output_tokens")),
                     buckets::kOutputTokens);
  cached_tokens_ =
      make.histogram(spec("request_cached_tokens", "Prompt tokens that the model server found in its cache.", kR,
                          objective("prompt_cached_tokens")),
                     buckets::kInputTokens);
  running_ =
      make.gauge(spec("request_running", "Requests under way.", kR, objective("running_requests", {"model_name"})));
  ntpot_ = make.histogram(spec("request_ntpot_seconds", "Request duration per output token.", kR,
                               objective("normalized_time_per_output_token_seconds")),
                          buckets::kNtpot);
  ttft_ = make.histogram(
      spec("request_ttft_seconds", "Time from request to first response byte.", plus(kR, "streaming")), buckets::kTtft);
  tpot_ = make.histogram(
      spec("request_streaming_tpot_seconds", "Time per output token after the first, of streamed responses.", kR),
      buckets::kTpot);
  itl_ = make.histogram(spec("request_streaming_itl_seconds", "Time between chunks of a streamed response.", kR),
                        buckets::kItl);
  request_processing_ = make.histogram(spec("request_processing_duration_seconds",
                                            "Time from request to its routing, queueing included.", {}, {}, true),
                                       buckets::kRequestProcessing)
                            ->with({});
  response_processing_ =
      make.histogram(spec("response_processing_duration_seconds", "Time spent on the response.", {}, {}, true),
                     buckets::kResponseProcessing)
          ->with({});

  scheduler_e2e_ = make.histogram(spec("scheduler_e2e_duration_seconds", "Duration of a scheduling decision.", {},
                                       extension("scheduler_e2e_duration_seconds", {}), true),
                                  buckets::kScheduling)
                       ->with({});
  const Labels attempt{"status", "target_model_name", "endpoint_name", "namespace", "port"};
  scheduler_attempts_ = make.counter(spec("scheduler_attempts_total", "Scheduling attempts.", attempt,
                                          Old{"inference_extension_scheduler_attempts_total",
                                              {"status", "target_model_name", "pod_name", "namespace", "port"},
                                              attempt}));
  plugin_duration_ = make.histogram(spec("plugin_duration_seconds", "Duration of a plugin's call.", kPlugin,
                                         extension("plugin_duration_seconds", kPlugin), true),
                                    buckets::kScheduling);
  scope_violations_ =
      make.counter(spec("plugin_data_scope_violations_total",
                        "Attempts of plugins to access data that they did not declare.", plus(kPlugin, "access")));
  const Labels rewrite{"model_rewrite_name", "model_name", "target_model"};
  model_rewrites_ = make.counter(spec("model_rewrite_decisions_total", "Applied model rewrites.", rewrite,
                                      extension("model_rewrite_decisions_total", rewrite)));

  const auto pool_gauge = [&](const char* name, const char* help, bool old) {
    return make.gauge(spec(name, help, kPool, old ? std::optional(inference_pool(name)) : std::nullopt));
  };
  average_kv_ = pool_gauge("average_kv_cache_utilization", "Mean KV-cache utilization of the pool.", true);
  average_queue_ = pool_gauge("average_queue_size", "Mean number of waiting requests of the pool's servers.", true);
  average_running_ =
      pool_gauge("average_running_requests", "Mean number of running requests of the pool's servers.", true);
  std_dev_kv_ = pool_gauge("std_dev_kv_cache_utilization", "Standard deviation of KV-cache utilization.", false);
  std_dev_queue_ = pool_gauge("std_dev_queue_size", "Standard deviation of waiting requests.", false);
  std_dev_running_ = pool_gauge("std_dev_running_requests", "Standard deviation of running requests.", false);
  ready_endpoints_ =
      make.gauge(spec("ready_endpoints", "Endpoints with fresh metrics.", kPool, inference_pool("ready_pods")));
  poll_errors_ = make.counter(spec("datalayer_poll_errors_total", "Failed polls of a data source.", {"source_type"},
                                   inference_scheduler("datalayer_poll_errors_total", {"source_type"})));
  const Labels extract{"source_type", "extractor_type"};
  extract_errors_ = make.counter(spec("datalayer_extract_errors_total", "Failed extractions.", extract,
                                      inference_scheduler("datalayer_extract_errors_total", extract)));
  const Labels build{"commit", "build_ref"};
  info_ = make.gauge(spec("info", "Build information.", build, extension("info", build)));

  if (!options.grpc_stream_metrics) return;
  streams_inflight_ = make.gauge(spec("extproc_streams_inflight", "Open ext-proc streams.", {}))->with({});
  stream_duration_ =
      make.histogram(spec("extproc_stream_duration_seconds", "Duration of an ext-proc stream.", {}), buckets::kStream)
          ->with({});
  streams_total_ = make.counter(spec("extproc_streams_total", "Finished ext-proc streams, by gRPC code.", {"code"}));
}

RequestSeries EppMetrics::request_series(const RequestLabels& labels) {
  return {this,
          LabelValues{models_.fold(labels.model), models_.fold(labels.target_model), fairness_.fold(labels.fairness_id),
                      std::to_string(labels.priority)},
          !labels.model.empty()};
}

void EppMetrics::scheduler_success(std::string_view target_model, std::string_view endpoint_name, std::string_view ns,
                                   std::string_view port) {
  scheduler_attempts_->inc({"success", target_model, endpoint_name, ns, port});
}

void EppMetrics::scheduler_failure(std::string_view target_model) {
  scheduler_attempts_->inc({"failure", target_model, "", "", ""});
}

Histogram EppMetrics::plugin_duration(std::string_view extension_point, std::string_view type, std::string_view name) {
  return plugin_duration_->with({extension_point, type, name});
}

void EppMetrics::data_scope_violation(std::string_view extension_point, std::string_view type, std::string_view name,
                                      std::string_view access) {
  scope_violations_->inc({extension_point, type, name, access});
}

void EppMetrics::model_rewrite(std::string_view rewrite_name, std::string_view model, std::string_view target_model) {
  model_rewrites_->inc({rewrite_name, models_.fold(model), models_.fold(target_model)});
}

void EppMetrics::pool(std::string_view pool_name, std::span<const EndpointLoad> fresh) {
  const LabelValues name{pool_name};
  ready_endpoints_->set(name, static_cast<double>(fresh.size()));
  if (fresh.empty()) return;
  const auto set = [&](GaugeFamily* average, GaugeFamily* deviation, double EndpointLoad::*field) {
    const Spread s = spread(fresh, field);
    average->set(name, two_decimals(s.mean));
    deviation->set(name, two_decimals(s.deviation));
  };
  set(average_kv_, std_dev_kv_, &EndpointLoad::kv_cache_utilization);
  set(average_queue_, std_dev_queue_, &EndpointLoad::queue_size);
  set(average_running_, std_dev_running_, &EndpointLoad::running_requests);
}

void EppMetrics::forget_fairness_id(std::string_view id) {
  Family* const families[] = {request_total_,
                              request_error_total_,
                              request_duration_,
                              request_size_,
                              response_size_,
                              input_tokens_,
                              output_tokens_,
                              cached_tokens_,
                              running_,
                              ntpot_,
                              ttft_,
                              tpot_,
                              itl_};
  for (Family* family : families)
    family->remove_matching({{"fairness_id", id}});
  fairness_.release(id);
}

CallbackHandle EppMetrics::per_endpoint_queue_size(std::function<void(CallbackSink&)> compute) {
  const Labels labels{"name", "model_server_endpoint"};
  const Old old{"inference_pool_per_pod_queue_size", {"name", "model_server_pod"}, labels};
  return registry_.callback(spec("per_endpoint_queue_size", "Waiting requests of one endpoint.", labels, old),
                            MetricKind::kGauge, std::move(compute));
}

Counter EppMetrics::poll_errors(std::string_view source_type) {
  return poll_errors_->with({source_type});
}

Counter EppMetrics::extract_errors(std::string_view source_type, std::string_view extractor_type) {
  return extract_errors_->with({source_type, extractor_type});
}

void EppMetrics::info(std::string_view commit, std::string_view build_ref) {
  info_->set({commit, build_ref}, 1);
}

void EppMetrics::stream_closed(std::string_view grpc_code, Seconds duration) {
  if (streams_total_ == nullptr) return;
  streams_inflight_.add(-1);
  stream_duration_.observe(duration.count());
  streams_total_->inc({grpc_code});
}

void RequestSeries::scheduled(std::uint64_t body_bytes) {
  if (metrics_ == nullptr) return;
  metrics_->request_total_->inc(labels_);
  metrics_->request_size_->observe(labels_, static_cast<double>(body_bytes));
}

void RequestSeries::begin_running() {
  if (metrics_ == nullptr || !has_model_ || was_running_) return;
  was_running_ = true;
  running_ = metrics_->running_->with(labels_);
  running_.add(1);
}

void RequestSeries::end_running() {
  running_.add(-1);
  running_ = Gauge();
}

void RequestSeries::error(std::string_view error_code) {
  if (metrics_ == nullptr || error_code.empty()) return;
  metrics_->request_error_total_->inc(labels_.plus(error_code));
}

void RequestSeries::duration(Seconds received_to_complete) {
  if (metrics_ != nullptr) metrics_->request_duration_->observe(labels_, received_to_complete.count());
}

void RequestSeries::response_size(std::uint64_t bytes) {
  if (metrics_ != nullptr) metrics_->response_size_->observe(labels_, static_cast<double>(bytes));
}

void RequestSeries::input_tokens(std::uint64_t tokens) {
  if (metrics_ != nullptr && tokens > 0) metrics_->input_tokens_->observe(labels_, static_cast<double>(tokens));
}

void RequestSeries::output_tokens(std::uint64_t tokens) {
  if (metrics_ != nullptr && tokens > 0) metrics_->output_tokens_->observe(labels_, static_cast<double>(tokens));
}

void RequestSeries::cached_tokens(std::uint64_t tokens) {
  if (metrics_ != nullptr) metrics_->cached_tokens_->observe(labels_, static_cast<double>(tokens));
}

void RequestSeries::ntpot(Seconds per_output_token) {
  if (metrics_ != nullptr) metrics_->ntpot_->observe(labels_, per_output_token.count());
}

void RequestSeries::ttft(Seconds received_to_first_byte, bool streaming) {
  if (metrics_ == nullptr) return;
  metrics_->ttft_->observe(labels_.plus(streaming ? "true" : "false"), received_to_first_byte.count());
}

void RequestSeries::tpot(Seconds per_output_token) {
  if (metrics_ != nullptr) metrics_->tpot_->observe(labels_, per_output_token.count());
}

void RequestSeries::itl(Seconds since_previous_chunk) {
  if (metrics_ == nullptr || since_previous_chunk.count() < 0) return;
  if (!itl_) itl_ = metrics_->itl_->with(labels_);
  itl_.observe(since_previous_chunk.count());
}

}  // namespace epp::telemetry
