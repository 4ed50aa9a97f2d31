#include "unit/plugin_harness/fakes.h"

#include <sstream>

namespace epp::testing {

uint64_t FakeTimers::start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) {
  const std::scoped_lock lock(mutex_);
  timers_[++last_id_] = {clock_.now_ns() + delay_ns, period_ns, std::move(fn)};
  return last_id_;
}

void FakeTimers::stop(uint64_t id) {
  const std::scoped_lock lock(mutex_);
  timers_.erase(id);
}

void FakeTimers::advance(uint64_t ns) {
  const uint64_t end = clock_.now_ns() + ns;
  for (;;) {
    std::function<void()> fn;
    {
      const std::scoped_lock lock(mutex_);
      auto next = timers_.end();
      for (auto at = timers_.begin(); at != timers_.end(); ++at) {
        if (at->second.due <= end && (next == timers_.end() || at->second.due < next->second.due)) next = at;
      }
      if (next == timers_.end()) break;
      clock_.set(std::max(clock_.now_ns(), next->second.due));
      fn = next->second.fn;
      if (next->second.period == 0) {
        timers_.erase(next);
      } else {
        next->second.due += next->second.period;
      }
    }
    fn();
  }
  clock_.set(end);
}

size_t FakeTimers::running() const {
  const std::scoped_lock lock(mutex_);
  return timers_.size();
}

void FakeSeries::add(double delta) {
  const std::scoped_lock lock(mutex_);
  value_ += delta;
}

void FakeSeries::set(double value) {
  const std::scoped_lock lock(mutex_);
  value_ = value;
}

void FakeSeries::observe(double value) {
  const std::scoped_lock lock(mutex_);
  value_ += value;
  ++count_;
}

double FakeSeries::value() const {
  const std::scoped_lock lock(mutex_);
  return value_;
}

uint64_t FakeSeries::count() const {
  const std::scoped_lock lock(mutex_);
  return count_;
}

class FakeMetrics::Family final : public plugins::MetricFamily {
 public:
  Family(plugins::MetricKind kind, std::vector<std::string> labels) : kind_(kind), labels_(std::move(labels)) {}

  const FakeSeries* find(const std::vector<std::string>& values) const {
    const std::scoped_lock lock(mutex_);
    const auto at = series_.find(values);
    return at != series_.end() ? at->second.get() : nullptr;
  }
  bool same_shape(plugins::MetricKind kind, std::span<const std::string_view> labels) const {
    return kind == kind_ && std::equal(labels.begin(), labels.end(), labels_.begin(), labels_.end());
  }

 private:
  epp_series* find(std::span<const std::string_view> values) override {
    if (values.size() != labels_.size()) return nullptr;
    const std::scoped_lock lock(mutex_);
    auto& slot = series_[{values.begin(), values.end()}];
    if (slot == nullptr) slot = std::make_unique<FakeSeries>();
    return slot.get();
  }
  void drop(epp_series* series) override {
    const std::scoped_lock lock(mutex_);
    std::erase_if(series_, [series](const auto& entry) { return entry.second.get() == series; });
  }

  plugins::MetricKind kind_;
  std::vector<std::string> labels_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<FakeSeries>> series_;
};

FakeMetrics::FakeMetrics() = default;
FakeMetrics::~FakeMetrics() = default;

plugins::MetricFamily* FakeMetrics::family(plugins::MetricKind kind, std::string_view name, std::string_view,
                                           std::span<const std::string_view> labels, std::span<const double>) {
  auto& slot = families_[std::string(name)];
  if (slot == nullptr) slot = std::make_unique<Family>(kind, std::vector<std::string>(labels.begin(), labels.end()));
  return slot->same_shape(kind, labels) ? slot.get() : nullptr;
}

const FakeSeries* FakeMetrics::find(std::string_view name, const std::vector<std::string>& label_values) const {
  const auto at = families_.find(name);
  return at != families_.end() ? at->second->find(label_values) : nullptr;
}

void FakeLog::write(const plugins::Instance&, int32_t level, std::string_view request_id, std::string_view message,
                    std::span<const epp_log_field> fields) {
  std::ostringstream line;
  line << level << ' ' << message;
  if (!request_id.empty()) line << " request=" << request_id;
  for (const epp_log_field& field : fields) {
    line << ' ' << std::string_view(field.key.data, field.key.size) << '=';
    if (field.value.type == EPP_TYPE_F64) line << field.value.u.f64;
    if (field.value.type == EPP_TYPE_I64) line << field.value.u.i64;
    if (field.value.type == EPP_TYPE_STR) line << std::string_view(field.value.u.str.data, field.value.u.str.size);
  }
  const std::scoped_lock lock(mutex_);
  lines_.push_back(line.str());
}

std::vector<std::string> FakeLog::lines() const {
  const std::scoped_lock lock(mutex_);
  return lines_;
}

}  // namespace epp::testing
