// The services of the checked host: a clock that can be put forward, timers on it, metrics that count their series, a
// log that nobody reads.
#pragma once

#include "check/channel.h"
#include "plugins/clock.h"
#include "plugins/environment.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace epp::check {

// Real time and what it was put forward by.
class CheckClock final : public plugins::Clock {
 public:
  uint64_t now_ns() const override;
  uint64_t wall_ns() const override;
  void put_forward(uint64_t ns) { ahead_ns_.fetch_add(ns, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> ahead_ns_{0};
};

// Fires when it is asked to, on the thread that asks: one at a time.
class CheckTimers final : public plugins::TimerService {
 public:
  explicit CheckTimers(const CheckClock& clock) : clock_(clock) {}
  uint64_t start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) override;
  void stop(uint64_t id) override;
  // Fires what is due, each once.
  void fire_due();

 private:
  struct Timer {
    uint64_t due_ns = 0;
    uint64_t period_ns = 0;
    std::function<void()> fn;
  };
  const CheckClock& clock_;
  std::mutex mutex_;
  std::recursive_mutex firing_;  // held while a function runs, so that stop can wait for it
  std::map<uint64_t, Timer> timers_;
  uint64_t last_id_ = 0;
};

class CheckMetrics final : public plugins::MetricsService {
 public:
  CheckMetrics();
  ~CheckMetrics() override;
  void attach(Channel& channel, std::string type);
  plugins::MetricFamily* family(plugins::MetricKind kind, std::string_view name, std::string_view help,
                                std::span<const std::string_view> labels, std::span<const double> buckets) override;
  size_t series() const { return series_.load(std::memory_order_relaxed); }  // that exist now

 private:
  class Series;
  class Family;
  void bad_value(const std::string& name, double value);

  Channel* channel_ = nullptr;
  std::string type_;
  std::atomic<size_t> series_{0};
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
};

class CheckLog final : public plugins::LogSink {
 public:
  bool enabled(int32_t) const override { return true; }
  // Reads all that it is given, as a sink would.
  void write(const plugins::Instance& instance, int32_t level, std::string_view request_id, std::string_view message,
             std::span<const epp_log_field> fields) override;

 private:
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace epp::check
