// epp.host.log, clock, metrics, parameters, async and instances: thin adapters onto the Environment.
#include "plugins/completion.h"
#include "plugins/host_tables.h"
#include "plugins/hosted_instance.h"
#include "plugins/request_context.h"

#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace epp::plugins {

namespace {

// ---- log ----

uint32_t log_enabled(epp_self* self, int32_t level) {
  const LogSink* log = self->environment->log;
  return log != nullptr && log->enabled(level) ? 1u : 0u;
}

void log_write(epp_self* self, int32_t level, const epp_request* request, epp_str message, const epp_log_field* fields,
               uint64_t field_count) {
  LogSink* log = self->environment->log;
  if (log == nullptr || !log->enabled(level)) return;
  const std::string_view id = request != nullptr ? view(request->id) : std::string_view{};
  log->write(*self->instance, level, id, view(message), {fields, static_cast<size_t>(field_count)});
}

// ---- clock ----

uint64_t now_ns() {
  return clock().now_ns();
}

uint64_t wall_ns() {
  return clock().wall_ns();
}

uint64_t start_timer(epp_self* self, uint64_t delay_ns, uint64_t period_ns, void (*fn)(void*), void* arg) {
  return self->instance->timers().start(delay_ns, period_ns, fn, arg);
}

void stop_timer(epp_self* self, uint64_t id) {
  self->instance->timers().stop(id);
}

// ---- metrics ----

std::vector<std::string_view> views(const epp_str* texts, uint64_t count) {
  std::vector<std::string_view> result;
  result.reserve(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i)
    result.push_back(view(texts[i]));
  return result;
}

epp_metric* family(const epp_self* self, MetricKind kind, epp_str name, epp_str help, const epp_str* labels,
                   uint64_t label_count, std::span<const double> buckets) {
  MetricsService* metrics = self->environment->metrics;
  if (metrics == nullptr) return nullptr;
  MetricFamily* const found = metrics->family(kind, view(name), view(help), views(labels, label_count), buckets);
  return found != nullptr ? self->instance->hold(*found) : nullptr;
}

epp_metric* counter(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t label_count) {
  return family(self, MetricKind::kCounter, name, help, labels, label_count, {});
}

epp_metric* gauge(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t label_count) {
  return family(self, MetricKind::kGauge, name, help, labels, label_count, {});
}

epp_metric* histogram(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t label_count,
                      const double* buckets, uint64_t bucket_count) {
  return family(self, MetricKind::kHistogram, name, help, labels, label_count,
                {buckets, static_cast<size_t>(bucket_count)});
}

epp_series* series(epp_metric* metric, const epp_str* values, uint64_t value_count) {
  constexpr size_t kMost = 16;
  if (metric == nullptr || value_count > kMost) return nullptr;
  std::array<std::string_view, kMost> labels;
  for (size_t i = 0; i < value_count; ++i)
    labels[i] = view(values[i]);
  return metric->series({labels.data(), static_cast<size_t>(value_count)});
}

void remove(epp_metric* metric, epp_series* series_of) {
  if (metric != nullptr && series_of != nullptr) metric->remove(series_of);
}

void add(epp_series* series_of, double delta) {
  if (series_of != nullptr) series_of->add(delta);
}

void set(epp_series* series_of, double value) {
  if (series_of != nullptr) series_of->set(value);
}

void observe(epp_series* series_of, double value) {
  if (series_of != nullptr) series_of->observe(value);
}

// ---- parameters ----

uint32_t kind(epp_self* self, epp_str pointer) {
  const ParameterTree* tree = self->instance->parameters();
  return tree != nullptr ? tree->kind(view(pointer)) : EPP_JSON_ABSENT;
}

uint32_t boolean(epp_self* self, epp_str pointer) {
  const ParameterTree* tree = self->instance->parameters();
  return tree != nullptr && tree->boolean(view(pointer)) ? 1u : 0u;
}

double number(epp_self* self, epp_str pointer) {
  const ParameterTree* tree = self->instance->parameters();
  return tree != nullptr ? tree->number(view(pointer)) : std::numeric_limits<double>::quiet_NaN();
}

epp_str text_or_absent(const std::string* text) {
  return text != nullptr ? to_abi(*text) : epp_str{};
}

epp_str string(epp_self* self, epp_str pointer) {
  const ParameterTree* tree = self->instance->parameters();
  return text_or_absent(tree != nullptr ? tree->string(view(pointer)) : nullptr);
}

uint64_t count(epp_self* self, epp_str pointer) {
  const ParameterTree* tree = self->instance->parameters();
  return tree != nullptr ? tree->count(view(pointer)) : 0;
}

epp_str key(epp_self* self, epp_str pointer, uint64_t i) {
  const ParameterTree* tree = self->instance->parameters();
  return text_or_absent(tree != nullptr ? tree->key(view(pointer), i) : nullptr);
}

// ---- async ----

void complete(epp_self* self, uint64_t token, epp_status status, const epp_completion_value* values,
              uint64_t value_count, epp_str message) {
  self->environment->completions->complete(*self->instance, token, status, {values, static_cast<size_t>(value_count)},
                                           view(message));
}

// ---- instances ----

const void* extension(epp_self* self, epp_str name, epp_str id, const epp_instance** instance) {
  *instance = nullptr;
  return self->instance->parameters() != nullptr ? self->instance->extension_of(view(name), view(id), *instance)
                                                 : nullptr;
}

}  // namespace

const epp_host_log kHostLog{sizeof(epp_host_log), 0, &log_enabled, &log_write};
const epp_host_clock kHostClock{sizeof(epp_host_clock), 0, &now_ns, &wall_ns, &start_timer, &stop_timer};
const epp_host_metrics kHostMetrics{
    sizeof(epp_host_metrics), 0, &counter, &gauge, &histogram, &series, &remove, &add, &set, &observe};
const epp_host_parameters kHostParameters{
    sizeof(epp_host_parameters), 0, &kind, &boolean, &number, &string, &count, &key};
const epp_host_async kHostAsync{sizeof(epp_host_async), 0, &complete};
const epp_host_instances kHostInstances{sizeof(epp_host_instances), 0, &extension};

}  // namespace epp::plugins
