#include "check/services.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace epp::check {

namespace {

template <typename ClockType>
uint64_t since_epoch() {
  const auto now = ClockType::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

// Every byte counts, so that a sanitizer sees texts that are not there.
uint64_t sum(std::string_view text) {
  uint64_t result = 0;
  for (const char c : text)
    result += static_cast<unsigned char>(c);
  return result;
}

}  // namespace

uint64_t CheckClock::now_ns() const {
  return since_epoch<std::chrono::steady_clock>() + ahead_ns_.load(std::memory_order_relaxed);
}

uint64_t CheckClock::wall_ns() const {
  return since_epoch<std::chrono::system_clock>() + ahead_ns_.load(std::memory_order_relaxed);
}

// ---- timers ----

uint64_t CheckTimers::start(uint64_t delay_ns, uint64_t period_ns, std::function<void()> fn) {
  const std::scoped_lock lock(mutex_);
  timers_[++last_id_] = {clock_.now_ns() + delay_ns, period_ns, std::move(fn)};
  return last_id_;
}

void CheckTimers::stop(uint64_t id) {
  {
    const std::scoped_lock lock(mutex_);
    timers_.erase(id);
  }
  // Waits for the one that may be running, unless this thread is it.
  const std::scoped_lock wait(firing_);
}

void CheckTimers::fire_due() {
  const std::scoped_lock firing(firing_);
  std::vector<uint64_t> due;
  {
    const std::scoped_lock lock(mutex_);
    const uint64_t now = clock_.now_ns();
    for (const auto& [id, timer] : timers_)
      if (timer.due_ns <= now) due.push_back(id);
  }
  for (const uint64_t id : due) {
    std::function<void()> fn;
    {
      const std::scoped_lock lock(mutex_);
      const auto at = timers_.find(id);
      if (at == timers_.end()) continue;  // stopped by one before
      if (at->second.period_ns == 0) {
        fn = std::move(at->second.fn);
        timers_.erase(at);
      } else {
        fn = at->second.fn;
        at->second.due_ns = clock_.now_ns() + at->second.period_ns;
      }
    }
    fn();
  }
}

// ---- metrics ----

class CheckMetrics::Series final : public epp_series {
 public:
  Series(CheckMetrics& metrics, plugins::MetricKind kind, std::string name)
      : metrics_(metrics), kind_(kind), name_(std::move(name)) {
    metrics_.series_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Series() override { metrics_.series_.fetch_sub(1, std::memory_order_relaxed); }
  void add(double delta) override { judge(delta, kind_ == plugins::MetricKind::kCounter && delta < 0); }
  void set(double value) override { judge(value, false); }
  void observe(double value) override { judge(value, false); }

 private:
  void judge(double value, bool bad) {
    if (bad || !std::isfinite(value)) metrics_.bad_value(name_, value);
  }
  CheckMetrics& metrics_;
  plugins::MetricKind kind_;
  std::string name_;
};

class CheckMetrics::Family final : public plugins::MetricFamily {
 public:
  Family(CheckMetrics& metrics, plugins::MetricKind kind, std::string name, std::vector<std::string> labels)
      : metrics_(metrics), kind_(kind), name_(std::move(name)), labels_(std::move(labels)) {}

  bool same_shape(plugins::MetricKind kind, std::span<const std::string_view> labels) const {
    return kind == kind_ && std::equal(labels.begin(), labels.end(), labels_.begin(), labels_.end());
  }

 private:
  epp_series* find(std::span<const std::string_view> values) override {
    if (values.size() != labels_.size()) return nullptr;
    auto& slot = series_[{values.begin(), values.end()}];
    if (slot == nullptr) slot = std::make_unique<Series>(metrics_, kind_, name_);
    return slot.get();
  }
  void drop(epp_series* series) override {
    std::erase_if(series_, [series](const auto& entry) { return entry.second.get() == series; });
  }

  CheckMetrics& metrics_;
  plugins::MetricKind kind_;
  std::string name_;
  std::vector<std::string> labels_;
  std::map<std::vector<std::string>, std::unique_ptr<Series>> series_;
};

CheckMetrics::CheckMetrics() = default;
CheckMetrics::~CheckMetrics() = default;

void CheckMetrics::attach(Channel& channel, std::string type) {
  channel_ = &channel;
  type_ = std::move(type);
}

plugins::MetricFamily* CheckMetrics::family(plugins::MetricKind kind, std::string_view name, std::string_view,
                                            std::span<const std::string_view> labels, std::span<const double>) {
  const std::scoped_lock lock(mutex_);
  auto& slot = families_[std::string(name)];
  if (slot == nullptr) {
    slot = std::make_unique<Family>(*this, kind, std::string(name),
                                    std::vector<std::string>(labels.begin(), labels.end()));
  }
  return slot->same_shape(kind, labels) ? slot.get() : nullptr;
}

void CheckMetrics::bad_value(const std::string& name, double value) {
  if (channel_ != nullptr) channel_->fail("calls.metrics", type_, name + " was given " + std::to_string(value) + '.');
}

void CheckLog::write(const plugins::Instance&, int32_t, std::string_view request_id, std::string_view message,
                     std::span<const epp_log_field> fields) {
  uint64_t bytes = sum(request_id) + sum(message);
  for (const epp_log_field& field : fields) {
    bytes += sum({field.key.data, static_cast<size_t>(field.key.size)});
    if (field.value.type == EPP_TYPE_STR) {
      bytes += sum({field.value.u.str.data, static_cast<size_t>(field.value.u.str.size)});
    }
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace epp::check
