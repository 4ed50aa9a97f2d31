// Fakes of the host services: a clock that is moved by hand, timers on it, metrics and log lines kept in memory.
#pragma once

#include "plugins/environment.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace epp::testing {

class FakeClock final : public plugins::Clock {
 public:
  uint64_t now_ns() const override { return now_; }
  uint64_t wall_ns() const override { return now_ + 1'699'999'000'000'000'000u; }
  void set(uint64_t now) { now_ = now; }

 private:
  std::atomic<uint64_t> now_{1'000'000'000'000u};
};

// Fires on the thread that advances.
class FakeTimers final : public plugins::TimerService {
 public:
  explicit FakeTimers(FakeClock& clock) : clock_(clock) {}
  uint64_t start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) override;
  void stop(uint64_t id) override;
  // Moves the clock, firing what becomes due, in order of time.
  void advance(uint64_t ns);
  size_t running() const;

 private:
  struct Timer {
    uint64_t due = 0;
    uint64_t period = 0;
    std::function<void()> fn;
  };
  FakeClock& clock_;
  mutable std::mutex mutex_;
  std::map<uint64_t, Timer> timers_;
  uint64_t last_id_ = 0;
};

class FakeSeries final : public epp_series {
 public:
  void add(double delta) override;
  void set(double value) override;
  void observe(double value) override;

  double value() const;
  uint64_t count() const;

 private:
  mutable std::mutex mutex_;
  double value_ = 0;  // of a histogram: the sum
  uint64_t count_ = 0;
};

class FakeMetrics final : public plugins::MetricsService {
 public:
  FakeMetrics();
  ~FakeMetrics() override;
  plugins::MetricFamily* family(plugins::MetricKind kind, std::string_view name, std::string_view help,
                                std::span<const std::string_view> labels, std::span<const double> buckets) override;
  // nullptr when there is no such series.
  const FakeSeries* find(std::string_view name, const std::vector<std::string>& label_values) const;

 private:
  class Family;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
};

class FakeLog final : public plugins::LogSink {
 public:
  bool enabled(int32_t) const override { return true; }
  void write(const plugins::Instance& instance, int32_t level, std::string_view request_id, std::string_view message,
             std::span<const epp_log_field> fields) override;
  std::vector<std::string> lines() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace epp::testing
