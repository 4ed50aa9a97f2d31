// The host services behind the plugin ABI, implemented over net/ (timers) and telemetry/ (log, metrics, accounting).
#pragma once

#include "net/io_pool.h"
#include "net/timer.h"
#include "plugins/environment.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epp::app {

class PluginLog final : public plugins::LogSink {
 public:
  explicit PluginLog(telemetry::Logger log) : log_(std::move(log)) {}
  bool enabled(int32_t level) const override;
  void write(const plugins::Instance& instance, int32_t level, std::string_view request_id, std::string_view message,
             std::span<const epp_log_field> fields) override;

 private:
  telemetry::Logger log_;
};

// Timers on one thread of their own: a plugin that is slow in a timer delays other plugins' timers and nothing else.
class PluginTimers final : public plugins::TimerService {
 public:
  PluginTimers();
  ~PluginTimers() override;
  uint64_t start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) override;
  void stop(uint64_t id) override;

 private:
  net::IoPool thread_;
  std::mutex mutex_;
  uint64_t next_ = 1;
  std::unordered_map<uint64_t, std::shared_ptr<net::Timer>> timers_;
};

// Families by name over the process's registry; kept for its life, so that a reload finds them again.
class PluginMetrics final : public plugins::MetricsService {
 public:
  explicit PluginMetrics(telemetry::Registry& registry);
  ~PluginMetrics() override;
  plugins::MetricFamily* family(plugins::MetricKind kind, std::string_view name, std::string_view help,
                                std::span<const std::string_view> labels, std::span<const double> buckets) override;

  // Names that were asked for in another shape than the one that is known, since the last call.
  std::vector<std::string> take_refused();

 private:
  telemetry::Registry& registry_;
  std::mutex mutex_;
  std::vector<std::string> refused_;
  std::unordered_map<std::string, std::unique_ptr<plugins::MetricFamily>> families_;
};

// Durations to plugin_duration_seconds, faults to counters and the log.
class PluginObserver final : public plugins::CallObserver {
 public:
  PluginObserver(telemetry::Registry& registry, telemetry::EppMetrics& metrics, telemetry::Logger log);
  ~PluginObserver() override;
  void on_call(const plugins::Instance& instance, plugins::ExtensionPoint point, uint64_t duration_ns) override;
  void on_fault(const plugins::Instance& instance, plugins::ExtensionPoint point, plugins::Fault fault,
                std::string_view message) override;
  void on_passed_over(const plugins::Instance& instance, plugins::ExtensionPoint point) override;

  // Tells the faults that were counted since an instance's last line about their reason, unless that is too fresh.
  void report_faults();

 private:
  // What was said about one reason of one instance. The first fault is told at once.
  struct Report {
    std::string type;
    std::string point;
    std::string message;
    uint64_t told_ns = 0;
    uint64_t untold = 0;
  };
  void tell(const std::string& plugin, std::string_view reason, Report& report, uint64_t now_ns);

  // Histograms of the instance that has a state index now; replaced when another takes the index.
  struct Slot;
  Slot& slot(const plugins::Instance& instance);

  static constexpr size_t kSlots = 1024;
  telemetry::EppMetrics& metrics_;
  telemetry::CounterFamily* faults_;
  telemetry::CounterFamily* passed_over_;
  telemetry::Logger log_;
  std::array<std::atomic<Slot*>, kSlots> slots_{};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> owned_;
  std::mutex reports_mutex_;
  std::map<std::pair<std::string, plugins::Fault>, Report> reports_;  // by instance name
};

}  // namespace epp::app
