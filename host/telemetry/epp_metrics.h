// Every metric of the endpoint picker itself: request, pool, scheduler, plugins, data layer, streams. Names,
// labels, buckets and deprecated twins are those of llm-d-router, so that dashboards carry over. Callers speak in
// domain terms; label limits and twins are handled here.
#pragma once

#include "telemetry/label_limiter.h"
#include "telemetry/metrics.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::telemetry {

using Seconds = std::chrono::duration<double>;

/// Label set R of a request. Before scheduling the fairness id is "default-flow" and the priority 0.
struct RequestLabels {
  std::string_view model;         ///< as the client named it; may be empty
  std::string_view target_model;  ///< after rewriting
  std::string_view fairness_id = "default-flow";
  int priority = 0;
};

class EppMetrics;

/// The metrics of one request (label set R), resolved once. Nothing appears in the exposition before its first sample.
/// A value, cheap to move; must not outlive its EppMetrics. Used by one thread at a time.
class RequestSeries {
 public:
  RequestSeries() = default;

  /// Scheduled: request_total and request_size_bytes.
  void scheduled(std::uint64_t body_bytes);
  /// request_running: +1 when the body responses were sent, -1 at stream end. Each only once; nothing without a model.
  void begin_running();
  void end_running();
  /// request_error_total at stream end; an empty code records nothing.
  void error(std::string_view error_code);

  void duration(Seconds received_to_complete);
  void response_size(std::uint64_t bytes);
  void input_tokens(std::uint64_t tokens);   ///< recorded if > 0
  void output_tokens(std::uint64_t tokens);  ///< recorded if > 0
  void cached_tokens(std::uint64_t tokens);  ///< recorded also if 0
  void ntpot(Seconds per_output_token);
  void ttft(Seconds received_to_first_byte, bool streaming);
  void tpot(Seconds per_output_token);
  void itl(Seconds since_previous_chunk);

 private:
  friend class EppMetrics;
  RequestSeries(EppMetrics* metrics, LabelValues labels, bool has_model)
      : metrics_(metrics), labels_(std::move(labels)), has_model_(has_model) {}

  EppMetrics* metrics_ = nullptr;
  LabelValues labels_;
  Histogram itl_;  // kept: once per chunk
  Gauge running_;  // set while counted as running
  bool has_model_ = false;
  bool was_running_ = false;
};

/// Load of one fresh endpoint, for the pool averages.
struct EndpointLoad {
  double kv_cache_utilization = 0;
  double queue_size = 0;
  double running_requests = 0;
};

class EppMetrics {
 public:
  struct Options {
    bool grpc_stream_metrics = false;     ///< --enable-grpc-stream-metrics
    std::size_t max_models = 1000;        ///< distinct model_name and target_model_name together
    std::size_t max_fairness_ids = 1000;  ///< distinct fairness_id
  };

  /// `registry` must outlive this. Throws std::logic_error if a name is taken with another shape.
  explicit EppMetrics(Registry& registry) : EppMetrics(registry, Options{}) {}
  EppMetrics(Registry& registry, Options options);

  // --- requests ---------------------------------------------------------------------------------------------
  RequestSeries request_series(const RequestLabels& labels);
  /// Names from rewrite rules: never folded to "other".
  void pin_model(std::string_view name) { models_.pin(name); }
  LabelLimiter& model_limiter() { return models_; }
  LabelLimiter& fairness_limiter() { return fairness_; }
  /// Removes the request series of a client that went away, so that another may have its name's place. Slow: it looks
  /// at every series.
  void forget_fairness_id(std::string_view id);
  void request_processing(Seconds duration) { request_processing_.observe(duration.count()); }
  void response_processing(Seconds duration) { response_processing_.observe(duration.count()); }

  // --- scheduler and plugins --------------------------------------------------------------------------------
  void scheduler_e2e(Seconds duration) { scheduler_e2e_.observe(duration.count()); }
  /// `endpoint_name` is the pod name without rank; `target_model` is not limited.
  void scheduler_success(std::string_view target_model, std::string_view endpoint_name, std::string_view ns,
                         std::string_view port);
  void scheduler_failure(std::string_view target_model);
  /// Resolve once per instance and point ("RequestHeader", "Filter", "Scorer", ...), then observe seconds.
  Histogram plugin_duration(std::string_view extension_point, std::string_view type, std::string_view name);
  /// `access`: "read" or "write".
  void data_scope_violation(std::string_view extension_point, std::string_view type, std::string_view name,
                            std::string_view access);
  void model_rewrite(std::string_view rewrite_name, std::string_view model, std::string_view target_model);

  // --- pool and data layer ----------------------------------------------------------------------------------
  /// Means and sample standard deviations over the fresh endpoints, rounded to two decimals. With none, ready_endpoints
  /// becomes 0 and the others keep their values.
  void pool(std::string_view pool_name, std::span<const EndpointLoad> fresh);
  /// per_endpoint_queue_size at scrape time: emit({pool name, endpoint name with rank}, waiting requests).
  [[nodiscard]] CallbackHandle per_endpoint_queue_size(std::function<void(CallbackSink&)> compute);
  Counter poll_errors(std::string_view source_type);
  Counter extract_errors(std::string_view source_type, std::string_view extractor_type);
  void info(std::string_view commit, std::string_view build_ref);

  // --- ext-proc streams; nothing unless opted in ------------------------------------------------------------
  void stream_opened() { streams_inflight_.add(1); }
  /// `grpc_code`: "OK", "Canceled", "DeadlineExceeded", ...
  void stream_closed(std::string_view grpc_code, Seconds duration);

 private:
  friend class RequestSeries;

  LabelLimiter models_;
  LabelLimiter fairness_;

  CounterFamily* request_total_;
  CounterFamily* request_error_total_;
  HistogramFamily* request_duration_;
  HistogramFamily* request_size_;
  HistogramFamily* response_size_;
  HistogramFamily* input_tokens_;
  HistogramFamily* output_tokens_;
  HistogramFamily* cached_tokens_;
  GaugeFamily* running_;
  HistogramFamily* ntpot_;
  HistogramFamily* ttft_;
  HistogramFamily* tpot_;
  HistogramFamily* itl_;
  Histogram request_processing_;
  Histogram response_processing_;

  Histogram scheduler_e2e_;
  CounterFamily* scheduler_attempts_;
  HistogramFamily* plugin_duration_;
  CounterFamily* scope_violations_;
  CounterFamily* model_rewrites_;

  GaugeFamily* average_kv_;
  GaugeFamily* average_queue_;
  GaugeFamily* average_running_;
  GaugeFamily* std_dev_kv_;
  GaugeFamily* std_dev_queue_;
  GaugeFamily* std_dev_running_;
  GaugeFamily* ready_endpoints_;
  Registry& registry_;
  CounterFamily* poll_errors_;
  CounterFamily* extract_errors_;
  GaugeFamily* info_;

  Gauge streams_inflight_;
  Histogram stream_duration_;
  CounterFamily* streams_total_ = nullptr;
};

/// Registers process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
/// process_max_fds and process_start_time_seconds, read from /proc at each scrape.
[[nodiscard]] std::vector<CallbackHandle> register_process_metrics(Registry& registry);

}  // namespace epp::telemetry
