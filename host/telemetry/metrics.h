// Metrics: families of counters, gauges and histograms in one registry, exported as Prometheus or OpenMetrics text.
//
//   Registry registry;
//   auto* requests = registry.counter({.name = "x_requests_total", .help = "...", .labels = {"model"}});
//   Counter counter = requests->with({"llama"});   // keep it: updates are then relaxed atomics only
//   requests->inc({"llama"});                       // or look it up each time (a per-thread cache answers)
//
// Families live as long as their registry, and are found by name: registering the same shape twice gives the same
// family; another shape under a known name is an error. Names come from code, configuration or plugins alike.
#pragma once

#include "telemetry/label_values.h"
#include "telemetry/series.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
class Collectable;
}

namespace epp::telemetry {

/// A second, deprecated name under which the same events are exported.
struct TwinSpec {
  std::string name;
  std::string help;
  std::vector<std::string> labels{};
  /// For each label, the family's label that it takes its value from; empty: those of the same names.
  std::vector<std::string> sources{};
};

struct FamilySpec {
  std::string name;
  std::string help;
  std::vector<std::string> labels{};
  std::optional<TwinSpec> twin{};
  /// Updated several times a request from every core: counts in one cell per core. Costs memory per series.
  bool hot = false;
  /// Series that may exist at once; updates of further ones are dropped, and counted in
  /// epp_metrics_dropped_series_total{metric}.
  std::size_t max_series = 10'000;
};

using LabelPairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// What all families share. [any thread, concurrent]
class Family {
 public:
  virtual ~Family();
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  const std::string& name() const;
  const std::vector<std::string>& labels() const;
  MetricKind kind() const;

  /// Removes the series with these label values. Handles to it keep working but are no longer exported; the next
  /// with() starts a new series at 0. The twin's series goes too if the twin has all labels; otherwise others may share
  /// it. False if there is none.
  bool remove(const LabelValues& values);
  /// Removes every series that has all of these labels, here and in the twin (unless the twin lacks one of the names).
  /// The number removed here.
  std::size_t remove_matching(LabelPairs labels);
  std::size_t series_count() const;

 protected:
  friend class Registry;
  struct State;
  explicit Family(std::unique_ptr<State> state);

  /// The series of these values, made if absent; valid until the calling thread's next lookup. Null over
  /// max_series. Throws std::invalid_argument when their number is not that of the labels.
  Series* find(const LabelValues& values);

  std::unique_ptr<State> state_;
};

class CounterFamily final : public Family {
 public:
  explicit CounterFamily(std::unique_ptr<State> state);
  Counter with(const LabelValues& values) { return Counter(find(values)); }
  void inc(const LabelValues& values, std::uint64_t by = 1) {
    if (auto* s = find(values)) s->increment(by);
  }
};

class GaugeFamily final : public Family {
 public:
  explicit GaugeFamily(std::unique_ptr<State> state);
  Gauge with(const LabelValues& values) { return Gauge(find(values)); }
  void set(const LabelValues& values, double value) {
    if (auto* s = find(values)) s->set(value);
  }
  void add(const LabelValues& values, double amount) {
    if (auto* s = find(values)) s->add(amount);
  }
};

class HistogramFamily final : public Family {
 public:
  explicit HistogramFamily(std::unique_ptr<State> state);
  Histogram with(const LabelValues& values) { return Histogram(find(values)); }
  void observe(const LabelValues& values, double value) {
    if (auto* s = find(values)) s->observe(value);
  }
};

/// Where a callback puts its values during a scrape.
class CallbackSink {
 public:
  virtual void emit(const LabelValues& values, double value) = 0;

 protected:
  ~CallbackSink() = default;
};

/// Ends the callback when destroyed; waits for a scrape that is running it. Must not outlive the registry.
class CallbackHandle {
 public:
  CallbackHandle() = default;
  explicit CallbackHandle(std::function<void()> unregister) : unregister_(std::move(unregister)) {}
  CallbackHandle(CallbackHandle&& other) noexcept : unregister_(std::exchange(other.unregister_, nullptr)) {}
  CallbackHandle& operator=(CallbackHandle&& other) noexcept {
    std::swap(unregister_, other.unregister_);
    return *this;
  }
  ~CallbackHandle() {
    if (unregister_) unregister_();
  }
  explicit operator bool() const { return static_cast<bool>(unregister_); }

 private:
  std::function<void()> unregister_;
};

/// A body for GET /metrics.
struct Exposition {
  std::string content_type;
  std::string body;
};

class Registry {
 public:
  struct Options {
    /// Cells of a hot series, rounded up to a power of two. 0: one per core, at most 8.
    unsigned hot_shards = 0;
  };

  Registry() : Registry(Options{}) {}
  explicit Registry(Options options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Null on error, with the reason in `error`: a malformed name, a twin label without source, bounds that do not
  // ascend, or a name that is already registered with another kind, labels, bounds or twin (help may differ). The
  // family without labels is exported from the start, the others once a series exists. [any thread]
  CounterFamily* counter(const FamilySpec& spec, std::string* error = nullptr);
  GaugeFamily* gauge(const FamilySpec& spec, std::string* error = nullptr);
  /// `bounds`: ascending finite upper bounds, +Inf is implied.
  HistogramFamily* histogram(const FamilySpec& spec, std::span<const double> bounds, std::string* error = nullptr);

  /// A gauge (or counter) family whose values are computed at each scrape. Several callbacks may share a family; of
  /// equal label values the later registration wins. The callback must not use the registry. An empty handle on error.
  [[nodiscard]] CallbackHandle callback(const FamilySpec& spec, MetricKind kind,
                                        std::function<void(CallbackSink&)> compute, std::string* error = nullptr);

  /// Retires the series that have no handle and did not change during the last `idle_passes` (>= 1) calls; gauges only
  /// while they are 0. Call it from a timer, seconds apart. The number of series removed. [any thread]
  std::size_t retire_idle(unsigned idle_passes);

  /// The exposition in the format that the Accept header prefers: OpenMetrics 1.0.0 or text 0.0.4 (the default).
  Exposition render(std::string_view accept = {}) const;

  /// The whole registry for prometheus-cpp's own machinery. Must not outlive the registry.
  std::shared_ptr<prometheus::Collectable> collectable() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "[ALPHA] text", and the help of a deprecated name.
std::string alpha_help(std::string_view text);
std::string deprecated_help(std::string_view new_name, std::string_view text);

}  // namespace epp::telemetry
