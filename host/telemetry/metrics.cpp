#include "telemetry/metrics.h"

#include "telemetry/exposition.h"
#include "telemetry/family.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <list>
#include <map>
#include <thread>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace epp::telemetry {
namespace {

using Computed = std::map<std::vector<std::string>, double>;

bool is_name(std::string_view name, bool colons) {
  const auto letter = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
  };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string check_names(std::string_view name, const std::vector<std::string>& labels, MetricKind kind) {
  if (!is_name(name, true)) return "malformed metric name \"" + std::string(name) + "\"";
  for (auto it = labels.begin(); it != labels.end(); ++it) {
    if (!is_name(*it, false) || it->starts_with("__") || (kind == MetricKind::kHistogram && *it == "le")) {
      return "metric " + std::string(name) + ": malformed label name \"" + *it + "\"";
    }
    if (std::find(labels.begin(), it, *it) != it) {
      return "metric " + std::string(name) + ": label " + *it + " is named twice";
    }
  }
  return {};
}

const std::vector<std::string>& sources(const TwinSpec& twin) {
  return twin.sources.empty() ? twin.labels : twin.sources;
}

std::string check(const FamilySpec& spec, MetricKind kind, std::span<const double> bounds) {
  if (auto error = check_names(spec.name, spec.labels, kind); !error.empty()) return error;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) {
      return "metric " + spec.name + ": bucket bounds must be finite and ascend";
    }
  }
  if (!spec.twin) return {};
  if (spec.twin->name == spec.name) return "metric " + spec.name + ": its twin has the same name";
  if (auto error = check_names(spec.twin->name, spec.twin->labels, kind); !error.empty()) return error;
  if (spec.twin->sources.size() != spec.twin->labels.size() && !spec.twin->sources.empty()) {
    return "metric " + spec.name + ": twin " + spec.twin->name + " needs a source for each label";
  }
  for (const auto& source : sources(*spec.twin)) {
    if (std::find(spec.labels.begin(), spec.labels.end(), source) == spec.labels.end()) {
      return "metric " + spec.name + ": twin " + spec.twin->name + " takes a value from unknown label " + source;
    }
  }
  return {};
}

// For each label of the twin its place among the family's labels. Requires a checked spec.
std::vector<std::size_t> twin_columns(const FamilySpec& spec) {
  std::vector<std::size_t> columns;
  for (const auto& source : sources(*spec.twin)) {
    const auto it = std::find(spec.labels.begin(), spec.labels.end(), source);
    columns.push_back(static_cast<std::size_t>(it - spec.labels.begin()));
  }
  return columns;
}

bool same_twin(const FamilySpec& a, const FamilySpec& b) {
  if (a.twin.has_value() != b.twin.has_value()) return false;
  return !a.twin ||
         (a.twin->name == b.twin->name && a.twin->labels == b.twin->labels && sources(*a.twin) == sources(*b.twin));
}

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return prometheus::MetricType::Counter;
    case MetricKind::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

void set_value(prometheus::ClientMetric& metric, MetricKind kind, double value) {
  (kind == MetricKind::kCounter ? metric.counter.value : metric.gauge.value) = value;
}

prometheus::ClientMetric to_metric(MetricKind kind, const std::vector<std::string>& names,
                                   const std::vector<std::string>& values, double value) {
  prometheus::ClientMetric metric;
  for (std::size_t i = 0; i < names.size(); ++i)
    metric.label.push_back({names[i], values[i]});
  set_value(metric, kind, value);
  return metric;
}

prometheus::ClientMetric to_metric(const Series& series, const std::vector<std::string>& names) {
  prometheus::ClientMetric metric;
  const auto values = series.labels().decoded();
  for (std::size_t i = 0; i < names.size(); ++i)
    metric.label.push_back({names[i], std::string(values[i])});
  if (series.kind() != MetricKind::kHistogram) {
    set_value(metric, series.kind(), series.value());
    return metric;
  }
  const auto distribution = series.distribution();
  auto& histogram = metric.histogram;
  histogram.sample_sum = distribution.sum;
  for (std::size_t i = 0; i < series.bounds().size(); ++i) {
    histogram.sample_count += distribution.counts[i];
    histogram.bucket.push_back({histogram.sample_count, series.bounds()[i]});
  }
  histogram.sample_count += distribution.counts.back();
  return metric;
}

// Collects what one callback emits.
class MapSink final : public CallbackSink {
 public:
  MapSink(Computed& values, std::size_t labels) : values_(values), labels_(labels) {}
  void emit(const LabelValues& values, double value) override {
    if (values.size() != labels_) return;
    const auto views = values.decoded();
    values_[std::vector<std::string>(views.begin(), views.end())] = value;
  }

 private:
  Computed& values_;
  const std::size_t labels_;
};

}  // namespace

struct Registry::Impl {
  struct Callback {
    std::uint64_t id;
    std::function<void(CallbackSink&)> compute;
  };
  struct CallbackFamily {
    FamilySpec spec;
    MetricKind kind;
    std::list<Callback> callbacks;
  };

  explicit Impl(const Options& options)
      : hot_shards(std::bit_ceil(options.hot_shards != 0 ? options.hot_shards
                                                         : std::clamp(std::thread::hardware_concurrency(), 1U, 8U))) {}

  template <class T>
  T* add(MetricKind kind, const FamilySpec& spec, std::span<const double> bounds, std::string* error);
  std::vector<prometheus::MetricFamily> collect() const;
  void collect_callbacks(std::vector<prometheus::MetricFamily>& out) const;
  std::string conflict(const std::string& name) const;

  const unsigned hot_shards;
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families;
  // Callbacks run under their own lock, so that they may take locks of their rooms but registration stays possible.
  mutable std::mutex callback_mutex;
  std::map<std::string, CallbackFamily, std::less<>> callback_families;
  std::uint64_t next_callback = 1;
};

// Requires `mutex`. Finds or makes the family, and before it its twin.
template <class T>
T* Registry::Impl::add(MetricKind kind, const FamilySpec& spec, std::span<const double> bounds, std::string* error) {
  const auto fail = [&](std::string reason) -> T* {
    if (error != nullptr) *error = std::move(reason);
    return nullptr;
  };
  if (auto reason = check(spec, kind, bounds); !reason.empty()) return fail(std::move(reason));
  if (const auto it = families.find(spec.name); it != families.end()) {
    const auto& known = *it->second->state_;
    if (known.kind != kind || known.spec.labels != spec.labels || !same_twin(known.spec, spec) ||
        !std::equal(known.bounds->begin(), known.bounds->end(), bounds.begin(), bounds.end())) {
      return fail("metric " + spec.name + " is already registered with another shape");
    }
    return static_cast<T*>(it->second.get());
  }
  {
    std::lock_guard lock(callback_mutex);
    if (callback_families.contains(spec.name)) {
      return fail("metric " + spec.name + " is already registered as a callback");
    }
  }
  Family* twin = nullptr;
  std::vector<std::size_t> columns;
  if (spec.twin) {
    const FamilySpec twin_spec{.name = spec.twin->name,
                               .help = spec.twin->help,
                               .labels = spec.twin->labels,
                               .hot = spec.hot,
                               .max_series = spec.max_series};
    twin = add<T>(kind, twin_spec, bounds, error);
    if (twin == nullptr) return nullptr;
    columns = twin_columns(spec);
  }
  auto state = std::make_unique<Family::State>(kind, spec, std::vector<double>(bounds.begin(), bounds.end()),
                                               spec.hot ? hot_shards : 1);
  state->twin = twin;
  state->twin_columns = std::move(columns);
  auto family = std::make_unique<T>(std::move(state));
  if (spec.labels.empty()) family->find(LabelValues());
  T* result = family.get();
  families.emplace(spec.name, std::move(family));
  return result;
}

std::vector<prometheus::MetricFamily> Registry::Impl::collect() const {
  std::vector<Family*> all;
  {
    std::lock_guard lock(mutex);
    for (const auto& [name, family] : families)
      all.push_back(family.get());
  }
  std::vector<prometheus::MetricFamily> out;
  prometheus::MetricFamily dropped{"epp_metrics_dropped_series_total",
                                   "[ALPHA] Updates lost because their metric has too many series.",
                                   prometheus::MetricType::Counter,
                                   {}};
  for (const Family* family : all) {
    const auto& state = *family->state_;
    prometheus::MetricFamily exported{state.spec.name, state.spec.help, type_of(state.kind), {}};
    for (const auto& series : state.all())
      exported.metric.push_back(to_metric(*series.get(), state.spec.labels));
    if (!exported.metric.empty()) out.push_back(std::move(exported));
    std::lock_guard lock(state.mutex);
    if (state.dropped > 0) {
      prometheus::ClientMetric metric;
      metric.label.push_back({"metric", state.spec.name});
      metric.counter.value = static_cast<double>(state.dropped);
      dropped.metric.push_back(std::move(metric));
    }
  }
  if (!dropped.metric.empty()) out.push_back(std::move(dropped));
  collect_callbacks(out);
  return out;
}

void Registry::Impl::collect_callbacks(std::vector<prometheus::MetricFamily>& out) const {
  std::lock_guard lock(callback_mutex);
  for (const auto& [name, family] : callback_families) {
    Computed values;
    MapSink sink(values, family.spec.labels.size());
    for (const auto& callback : family.callbacks)
      callback.compute(sink);
    if (values.empty()) continue;

    prometheus::MetricFamily own{name, family.spec.help, type_of(family.kind), {}};
    for (const auto& [key, value] : values)
      own.metric.push_back(to_metric(family.kind, family.spec.labels, key, value));
    out.push_back(std::move(own));
    if (!family.spec.twin) continue;

    const auto& twin = *family.spec.twin;
    const auto columns = twin_columns(family.spec);
    Computed twin_values;  // labels that the twin lacks may make several values one: the last stays
    for (const auto& [key, value] : values) {
      std::vector<std::string> twin_key;
      twin_key.reserve(columns.size());
      for (const std::size_t column : columns)
        twin_key.push_back(key[column]);
      twin_values[std::move(twin_key)] = value;
    }
    prometheus::MetricFamily old{twin.name, twin.help, type_of(family.kind), {}};
    for (const auto& [key, value] : twin_values)
      old.metric.push_back(to_metric(family.kind, twin.labels, key, value));
    out.push_back(std::move(old));
  }
}

std::string Registry::Impl::conflict(const std::string& name) const {
  return families.contains(name) ? "metric " + name + " is already registered, not as a callback" : std::string();
}

Registry::Registry(Options options) : impl_(std::make_unique<Impl>(options)) {}
Registry::~Registry() = default;

CounterFamily* Registry::counter(const FamilySpec& spec, std::string* error) {
  std::lock_guard lock(impl_->mutex);
  return impl_->add<CounterFamily>(MetricKind::kCounter, spec, {}, error);
}

GaugeFamily* Registry::gauge(const FamilySpec& spec, std::string* error) {
  std::lock_guard lock(impl_->mutex);
  return impl_->add<GaugeFamily>(MetricKind::kGauge, spec, {}, error);
}

HistogramFamily* Registry::histogram(const FamilySpec& spec, std::span<const double> bounds, std::string* error) {
  std::lock_guard lock(impl_->mutex);
  return impl_->add<HistogramFamily>(MetricKind::kHistogram, spec, bounds, error);
}

CallbackHandle Registry::callback(const FamilySpec& spec, MetricKind kind, std::function<void(CallbackSink&)> compute,
                                  std::string* error) {
  const auto fail = [&](std::string reason) {
    if (error != nullptr) *error = std::move(reason);
    return CallbackHandle();
  };
  if (kind == MetricKind::kHistogram) return fail("metric " + spec.name + ": a callback cannot be a histogram");
  if (auto reason = check(spec, kind, {}); !reason.empty()) return fail(std::move(reason));

  std::scoped_lock lock(impl_->mutex, impl_->callback_mutex);
  if (auto reason = impl_->conflict(spec.name); !reason.empty()) return fail(std::move(reason));
  if (spec.twin) {
    if (auto reason = impl_->conflict(spec.twin->name); !reason.empty()) return fail(std::move(reason));
  }
  auto [it, added] = impl_->callback_families.try_emplace(spec.name, Impl::CallbackFamily{spec, kind, {}});
  auto& family = it->second;
  if (!added && (family.kind != kind || family.spec.labels != spec.labels || !same_twin(family.spec, spec))) {
    return fail("metric " + spec.name + " is already registered with another shape");
  }
  const std::uint64_t id = impl_->next_callback++;
  family.callbacks.push_back({id, std::move(compute)});
  return CallbackHandle([impl = impl_.get(), name = spec.name, id] {
    std::lock_guard unregister(impl->callback_mutex);
    impl->callback_families.find(name)->second.callbacks.remove_if([&](const auto& c) { return c.id == id; });
  });
}

std::size_t Registry::retire_idle(unsigned idle_passes) {
  std::vector<Family*> all;
  {
    std::lock_guard lock(impl_->mutex);
    for (const auto& [name, family] : impl_->families)
      all.push_back(family.get());
  }
  std::size_t removed = 0;
  for (Family* family : all)
    removed += family->state_->retire_idle(std::max(idle_passes, 1U));
  return removed;
}

Exposition Registry::render(std::string_view accept) const {
  const auto format = negotiate(accept);
  return {std::string(content_type(format)), serialize(impl_->collect(), format)};
}

std::shared_ptr<prometheus::Collectable> Registry::collectable() const {
  class Adapter final : public prometheus::Collectable {
   public:
    explicit Adapter(const Impl& impl) : impl_(impl) {}
    std::vector<prometheus::MetricFamily> Collect() const override { return impl_.collect(); }

   private:
    const Impl& impl_;
  };
  return std::make_shared<Adapter>(*impl_);
}

std::string alpha_help(std::string_view text) {
  return "[ALPHA] " + std::string(text);
}

std::string deprecated_help(std::string_view new_name, std::string_view text) {
  return "[ALPHA] [Deprecated: Use " + std::string(new_name) + "] " + std::string(text);
}

}  // namespace epp::telemetry
