// What the host gives to plugin instances: the services behind the ABI's host tables, as interfaces that app/
// implements over net/ and telemetry/ and tests implement with fakes. One Environment serves the whole process and
// outlives every instance.
#pragma once

#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "plugins/clock.h"
#include "plugins/instance.h"
#include "plugins/metric_family.h"

#include <epp/abi.h>
#include <epp/host/services.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace epp::plugins {

class CompletionTable;
class Graveyard;

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual bool enabled(int32_t level) const = 0;
  // `request_id` is empty outside of a request. [any thread]
  virtual void write(const Instance& instance, int32_t level, std::string_view request_id, std::string_view message,
                     std::span<const epp_log_field> fields) = 0;
};

// Timers on one thread of the implementation's.
class TimerService {
 public:
  virtual ~TimerService() = default;
  // Calls `fn` after `delay_ns`, then every `period_ns` (0: once). Returns an id that is not 0. [any thread]
  virtual uint64_t start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) = 0;
  // Once it returns, the function neither runs nor will run, unless called from the function itself. Unknown ids are
  // ignored. [any thread]
  virtual void stop(uint64_t id) = 0;
};

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };

class MetricsService {
 public:
  virtual ~MetricsService() = default;
  // The family of this name, made at first use and kept for the process; nullptr when the name is known with another
  // shape. [main]
  virtual MetricFamily* family(MetricKind kind, std::string_view name, std::string_view help,
                               std::span<const std::string_view> labels, std::span<const double> buckets) = 0;
};

// `attributes`, `completions` and `graveyard` are mandatory. Without `table` live columns read as missing; without the
// others their calls do nothing.
struct Environment {
  endpoints::AttributeRegistry* attributes = nullptr;
  endpoints::EndpointTable* table = nullptr;
  CompletionTable* completions = nullptr;
  std::shared_ptr<Graveyard> graveyard;
  LogSink* log = nullptr;
  TimerService* timers = nullptr;
  MetricsService* metrics = nullptr;
  CallObserver* observer = nullptr;
  uint64_t call_budget_ns = 0;  // of instances that have none of their own; 0: none
};

}  // namespace epp::plugins
