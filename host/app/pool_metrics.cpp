#include "app/pool_metrics.h"

#include "plugins/environment.h"

#include <epp/keys.h>

#include <cmath>
#include <utility>
#include <vector>

namespace epp::app {
namespace {

double or_zero(double value) {
  return std::isnan(value) ? 0.0 : value;
}

}  // namespace

PoolMetrics::PoolMetrics(net::IoPool& pool, const endpoints::EndpointTable& table,
                         endpoints::AttributeRegistry& attributes, telemetry::EppMetrics& metrics, Options options)
    : table_(table),
      metrics_(metrics),
      options_(std::move(options)),
      queue_(attributes.intern(EPP_KEY_WAITING_QUEUE_SIZE, EPP_TYPE_F64, endpoints::Storage::kSnapshot)),
      running_(attributes.intern(EPP_KEY_RUNNING_REQUESTS_SIZE, EPP_TYPE_F64, endpoints::Storage::kSnapshot)),
      kv_usage_(attributes.intern(EPP_KEY_KV_CACHE_USAGE, EPP_TYPE_F64, endpoints::Storage::kSnapshot)),
      update_time_(attributes.intern(EPP_KEY_UPDATE_TIME, EPP_TYPE_I64, endpoints::Storage::kSnapshot)),
      per_endpoint_(metrics.per_endpoint_queue_size([this](telemetry::CallbackSink& sink) {
        const endpoints::SnapshotPtr snapshot = table_.snapshot();
        const double* queue = snapshot->f64(queue_);
        for (const uint32_t slot : snapshot->slots()) {
          sink.emit({options_.pool_name, snapshot->endpoint(slot)->spec().name}, or_zero(queue[slot]));
        }
      })),
      timer_(pool) {
  timer_.every(options_.refresh, [this] { refresh(); });
}

void PoolMetrics::refresh() {
  const endpoints::SnapshotPtr snapshot = table_.snapshot();
  const double* queue = snapshot->f64(queue_);
  const double* running = snapshot->f64(running_);
  const double* kv_usage = snapshot->f64(kv_usage_);
  const int64_t* updated = snapshot->i64(update_time_);
  const auto now = static_cast<int64_t>(plugins::clock().now_ns());
  std::vector<telemetry::EndpointLoad> fresh;
  for (const uint32_t slot : snapshot->slots()) {
    if (updated[slot] == EPP_I64_MISSING || now - updated[slot] > options_.staleness.count()) continue;
    fresh.push_back({.kv_cache_utilization = or_zero(kv_usage[slot]),
                     .queue_size = or_zero(queue[slot]),
                     .running_requests = or_zero(running[slot])});
  }
  metrics_.pool(options_.pool_name, fresh);
}

}  // namespace epp::app
