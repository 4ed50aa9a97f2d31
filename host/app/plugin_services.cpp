#include "app/plugin_services.h"

#include "plugins/clock.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace epp::app {
namespace {

std::string_view text_of(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}

telemetry::LogField field_of(const epp_log_field& field) {
  const std::string_view key = text_of(field.key);
  switch (field.value.type) {
    case EPP_TYPE_F64:
      return {key, field.value.u.f64};
    case EPP_TYPE_I64:
      return {key, field.value.u.i64};
    case EPP_TYPE_STR:
      return {key, text_of(field.value.u.str)};
    default:
      return telemetry::LogField::json(key, "null");
  }
}

}  // namespace

// ---- log ----

bool PluginLog::enabled(int32_t level) const {
  return log_.enabled(level < 0 ? telemetry::kErrorsOnly : level);
}

void PluginLog::write(const plugins::Instance& instance, int32_t level, std::string_view request_id,
                      std::string_view message, std::span<const epp_log_field> fields) {
  if (!enabled(level)) return;
  telemetry::Logger log = log_.with({{"plugin", instance.name()}});
  if (!request_id.empty()) log = log.with({{"x-request-id", request_id}});
  for (const epp_log_field& field : fields) {
    log = log.with({field_of(field)});
  }
  if (level < 0) {
    log.write_error(message, message, {}, "plugin", 0);
  } else {
    log.write(level, message, {}, "plugin", 0);
  }
}

// ---- timers ----

PluginTimers::PluginTimers() : thread_(1, "plugin-timer") {}

PluginTimers::~PluginTimers() {
  {
    const std::lock_guard lock(mutex_);
    timers_.clear();
  }
  thread_.stop();
}

uint64_t PluginTimers::start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) {
  auto timer = std::make_shared<net::Timer>(thread_);
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_++;
    timers_.emplace(id, timer);
  }
  const auto span = [](uint64_t ns) {
    constexpr uint64_t kLongest = 365 * uint64_t{86'400'000'000'000};  // a year: never, but no clock overflows
    return std::chrono::nanoseconds(std::min(ns, kLongest));
  };
  const std::chrono::nanoseconds delay = span(delay_ns);
  if (period_ns != 0) {
    timer->every(span(period_ns), std::move(fn), delay);
  } else {
    timer->once(delay, [this, id, call = std::move(fn)] {
      call();
      const std::lock_guard lock(mutex_);
      timers_.erase(id);
    });
  }
  return id;
}

void PluginTimers::stop(uint64_t id) {
  std::shared_ptr<net::Timer> timer;
  {
    const std::lock_guard lock(mutex_);
    const auto found = timers_.find(id);
    if (found == timers_.end()) return;
    timer = std::move(found->second);
    timers_.erase(found);
  }
  timer->cancel();  // waits for a call under way, hence outside the lock
}

// ---- metrics ----

namespace {

// One handle type per kind behind the ABI's single series type.
template <typename Handle>
class SeriesAdapter final : public epp_series {
 public:
  SeriesAdapter(telemetry::LabelValues labels, Handle handle)
      : labels_(std::move(labels)), handle_(std::move(handle)) {}
  void add(double delta) override {
    if constexpr (requires(const Handle& h) { h.add(1.0); }) handle_.add(delta);
  }
  void set(double value) override {
    if constexpr (requires(const Handle& h) { h.set(1.0); }) handle_.set(value);
  }
  void observe(double value) override {
    if constexpr (requires(const Handle& h) { h.observe(1.0); }) handle_.observe(value);
  }
  const telemetry::LabelValues& labels() const { return labels_; }

 private:
  telemetry::LabelValues labels_;
  Handle handle_;
};

template <typename Family, typename Handle>
class FamilyAdapter final : public plugins::MetricFamily {
 public:
  explicit FamilyAdapter(Family* family) : family_(family) {}

 private:
  using Adapter = SeriesAdapter<Handle>;

  epp_series* find(std::span<const std::string_view> values) override {
    if (values.size() != family_->labels().size()) return nullptr;
    telemetry::LabelValues labels(values);
    if (const auto known = series_.find(labels.encoded()); known != series_.end()) return known->second.get();
    Handle handle = family_->with(labels);
    if (!handle) return nullptr;
    std::string key = labels.encoded();
    auto fresh = std::make_unique<Adapter>(std::move(labels), std::move(handle));
    return series_.emplace(std::move(key), std::move(fresh)).first->second.get();
  }

  void drop(epp_series* series) override {
    const telemetry::LabelValues labels = static_cast<Adapter*>(series)->labels();
    family_->remove(labels);
    series_.erase(labels.encoded());
  }

  Family* family_;
  std::unordered_map<std::string, std::unique_ptr<Adapter>> series_;
};

}  // namespace

PluginMetrics::PluginMetrics(telemetry::Registry& registry) : registry_(registry) {}
PluginMetrics::~PluginMetrics() = default;

plugins::MetricFamily* PluginMetrics::family(plugins::MetricKind kind, std::string_view name, std::string_view help,
                                             std::span<const std::string_view> labels,
                                             std::span<const double> buckets) {
  const telemetry::FamilySpec spec{
      .name = std::string(name), .help = std::string(help), .labels = {labels.begin(), labels.end()}};
  std::unique_ptr<plugins::MetricFamily> adapter;
  switch (kind) {
    case plugins::MetricKind::kCounter:
      if (auto* family = registry_.counter(spec)) {
        adapter = std::make_unique<FamilyAdapter<telemetry::CounterFamily, telemetry::Counter>>(family);
      }
      break;
    case plugins::MetricKind::kGauge:
      if (auto* family = registry_.gauge(spec)) {
        adapter = std::make_unique<FamilyAdapter<telemetry::GaugeFamily, telemetry::Gauge>>(family);
      }
      break;
    case plugins::MetricKind::kHistogram:
      if (auto* family = registry_.histogram(spec, buckets)) {
        adapter = std::make_unique<FamilyAdapter<telemetry::HistogramFamily, telemetry::Histogram>>(family);
      }
      break;
  }
  const std::lock_guard lock(mutex_);
  if (adapter == nullptr) {
    refused_.emplace_back(name);
    return nullptr;
  }
  return families_.try_emplace(std::string(name), std::move(adapter)).first->second.get();
}

std::vector<std::string> PluginMetrics::take_refused() {
  const std::lock_guard lock(mutex_);
  return std::exchange(refused_, {});
}

// ---- accounting ----

namespace {

// Between two lines about the same reason of the same instance.
constexpr uint64_t kReportSpacingNs = 10'000'000'000;

}  // namespace

struct PluginObserver::Slot {
  std::string name;
  std::string type;
  std::array<telemetry::Histogram, plugins::kHookCount> durations;  // only hooks are timed
};

PluginObserver::PluginObserver(telemetry::Registry& registry, telemetry::EppMetrics& metrics, telemetry::Logger log)
    : metrics_(metrics),
      faults_(registry.counter({.name = "epp_plugin_faults_total",
                                .help = "Answers of plugins that were not used, by reason.",
                                .labels = {"extension_point", "plugin_type", "plugin_name", "reason"}})),
      passed_over_(registry.counter({.name = "epp_plugin_passed_over_total",
                                     .help = "Neutral answers taken for plugins that were out of service.",
                                     .labels = {"extension_point", "plugin_type", "plugin_name"}})),
      log_(std::move(log)) {}

PluginObserver::~PluginObserver() = default;

PluginObserver::Slot& PluginObserver::slot(const plugins::Instance& instance) {
  std::atomic<Slot*>& cell = slots_[instance.state_index() % kSlots];
  Slot* slot = cell.load(std::memory_order_acquire);
  if (slot != nullptr && slot->name == instance.name() && slot->type == instance.type()) return *slot;
  const std::lock_guard lock(mutex_);
  for (const auto& known : owned_) {
    if (known->name == instance.name() && known->type == instance.type()) {
      cell.store(known.get(), std::memory_order_release);
      return *known;
    }
  }
  auto fresh = std::make_unique<Slot>();
  fresh->name = instance.name();
  fresh->type = instance.type();
  for (size_t i = 0; i < plugins::kHookCount; ++i) {
    fresh->durations[i] =
        metrics_.plugin_duration(to_string(static_cast<plugins::ExtensionPoint>(i)), fresh->type, fresh->name);
  }
  slot = fresh.get();
  owned_.push_back(std::move(fresh));
  cell.store(slot, std::memory_order_release);
  return *slot;
}

void PluginObserver::on_call(const plugins::Instance& instance, plugins::ExtensionPoint point, uint64_t duration_ns) {
  slot(instance).durations[static_cast<size_t>(point)].observe(static_cast<double>(duration_ns) * 1e-9);
}

void PluginObserver::on_fault(const plugins::Instance& instance, plugins::ExtensionPoint point, plugins::Fault fault,
                              std::string_view message) {
  const std::string_view at = to_string(point);
  if (fault == plugins::Fault::kScopeRead || fault == plugins::Fault::kScopeWrite) {
    metrics_.data_scope_violation(at, instance.type(), instance.name(),
                                  fault == plugins::Fault::kScopeRead ? "read" : "write");
  }
  faults_->inc({at, instance.type(), instance.name(), to_string(fault)});
  if (fault == plugins::Fault::kBypassed) {
    EPP_LOG_ERROR(log_, message, "Plugin bypassed after repeated faults", {"plugin", instance.name()},
                  {"type", instance.type()}, {"extensionPoint", at});
    return;
  }
  const uint64_t now = plugins::clock().now_ns();
  const std::lock_guard lock(reports_mutex_);
  const auto [found, first] = reports_.try_emplace({instance.name(), fault});
  Report& report = found->second;
  report.type = instance.type();
  report.point = at;
  report.message = message;
  ++report.untold;
  if (first || now - report.told_ns >= kReportSpacingNs) tell(instance.name(), to_string(fault), report, now);
}

void PluginObserver::on_passed_over(const plugins::Instance& instance, plugins::ExtensionPoint point) {
  passed_over_->inc({to_string(point), instance.type(), instance.name()});
}

void PluginObserver::report_faults() {
  const uint64_t now = plugins::clock().now_ns();
  const std::lock_guard lock(reports_mutex_);
  for (auto& [key, report] : reports_) {
    if (report.untold != 0 && now - report.told_ns >= kReportSpacingNs)
      tell(key.first, to_string(key.second), report, now);
  }
}

void PluginObserver::tell(const std::string& plugin, std::string_view reason, Report& report, uint64_t now_ns) {
  EPP_LOG_ERROR(log_, report.message, "Plugin fault", {"plugin", plugin}, {"type", report.type},
                {"extensionPoint", report.point}, {"reason", reason}, {"count", report.untold});
  report.told_ns = now_ns;
  report.untold = 0;
}

}  // namespace epp::app
