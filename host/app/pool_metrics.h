// The pool gauges: means, deviations and the number of fresh endpoints, recomputed every few seconds, and the queue of
// each endpoint, read at each scrape of our own metrics.
#pragma once

#include "endpoints/endpoint_table.h"
#include "net/timer.h"
#include "telemetry/epp_metrics.h"

#include <chrono>
#include <string>

namespace epp::app {

class PoolMetrics {
 public:
  struct Options {
    std::string pool_name;
    std::chrono::nanoseconds refresh = std::chrono::seconds(5);    // --refresh-prometheus-metrics-interval
    std::chrono::nanoseconds staleness = std::chrono::seconds(2);  // --metrics-staleness-threshold
  };

  // Everything named outlives this.
  PoolMetrics(net::IoPool& pool, const endpoints::EndpointTable& table, endpoints::AttributeRegistry& attributes,
              telemetry::EppMetrics& metrics, Options options);

 private:
  void refresh();

  const endpoints::EndpointTable& table_;
  telemetry::EppMetrics& metrics_;
  const Options options_;
  epp_attr queue_;
  epp_attr running_;
  epp_attr kv_usage_;
  epp_attr update_time_;
  telemetry::CallbackHandle per_endpoint_;
  net::Timer timer_;
};

}  // namespace epp::app
