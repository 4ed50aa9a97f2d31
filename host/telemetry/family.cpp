#include "telemetry/family.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace epp::telemetry {
namespace {

std::uint64_t next_family_id() {
  static constinit std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// The series that this thread looked up last, by hash: a direct-mapped cache that keeps hot lookups off the family's
// lock. It holds references, so an entry may point to a retired series, but never to freed memory.
class ThreadCache {
 public:
  ~ThreadCache() {
    // Emptied, because destructors that run later at thread exit may still look series up.
    for (Series*& series : slots_) {
      if (series != nullptr) std::exchange(series, nullptr)->unref();
    }
  }
  Series*& slot(std::uint64_t family, std::uint64_t hash) {
    return slots_[((hash ^ (family * 0x9E3779B97F4A7C15U)) >> 7) & (kSlots - 1)];
  }
  static void put(Series*& slot, Series* series) {
    series->ref();
    if (slot != nullptr) slot->unref();
    slot = series;
  }

 private:
  static constexpr std::size_t kSlots = 512;
  std::array<Series*, kSlots> slots_{};
};

thread_local ThreadCache thread_cache;

}  // namespace

Family::State::State(MetricKind kind_of, const FamilySpec& spec_of, std::vector<double> upper_bounds,
                     unsigned shard_count)
    : id(next_family_id()),
      kind(kind_of),
      spec(spec_of),
      shards(shard_count),
      bounds(std::make_shared<const std::vector<double>>(std::move(upper_bounds))) {}

Family::State::~State() {
  for (const auto& [key, series] : table)
    series->unref();
}

Series* Family::State::find_or_make(const LabelValues& values) {
  if (const auto it = table.find(values.encoded()); it != table.end()) {
    Series* series = it->second;
    series->set_state(Series::State::kActive);
    series->idle_passes = 0;
    return series;
  }
  if (table.size() >= spec.max_series) {
    ++dropped;
    return nullptr;
  }
  SeriesRef twin_series;
  if (twin != nullptr) {
    // Lock order: a family, then its twin, which has none.
    std::lock_guard lock(twin->state_->mutex);
    twin_series = SeriesRef(twin->state_->find_or_make(twin_values(values)));
  }
  auto* series = new Series(id, kind, values, shards, bounds, std::move(twin_series));
  table.emplace(series->labels().encoded(), series);
  return series;
}

LabelValues Family::State::twin_values(const LabelValues& values) const {
  const auto ours = values.decoded();
  std::vector<std::string_view> theirs;
  theirs.reserve(twin_columns.size());
  for (const std::size_t column : twin_columns)
    theirs.push_back(ours[column]);
  return LabelValues(theirs);
}

std::vector<SeriesRef> Family::State::all() const {
  std::lock_guard lock(mutex);
  std::vector<SeriesRef> result;
  result.reserve(table.size());
  for (const auto& [key, series] : table)
    result.emplace_back(series);
  return result;
}

void Family::State::unlink(Series* series) {
  table.erase(series->labels().encoded());
  series->set_state(Series::State::kRetired);
  series->unref();
}

std::size_t Family::State::retire_idle(unsigned idle_passes) {
  if (spec.labels.empty()) return 0;
  std::lock_guard lock(mutex);
  std::vector<Series*> idle;
  for (const auto& [key, series] : table) {
    const std::uint64_t fingerprint = series->fingerprint();
    const bool changed = fingerprint != series->seen_fingerprint;
    const bool holds_value = kind == MetricKind::kGauge && series->value() != 0;
    if (changed || holds_value || series->has_users()) {
      series->seen_fingerprint = fingerprint;
      series->idle_passes = 0;
      series->set_state(Series::State::kActive);
    } else if (series->state() == Series::State::kRetiring) {
      idle.push_back(series);
    } else if (++series->idle_passes >= idle_passes) {
      series->set_state(Series::State::kRetiring);
    }
  }
  for (Series* series : idle)
    unlink(series);
  return idle.size();
}

bool Family::State::remove(const LabelValues& values) {
  std::lock_guard lock(mutex);
  const auto it = table.find(values.encoded());
  if (it == table.end()) return false;
  unlink(it->second);
  return true;
}

std::size_t Family::State::remove_where(const std::function<bool(const std::vector<std::string_view>&)>& matches) {
  std::lock_guard lock(mutex);
  std::vector<Series*> found;
  for (const auto& [key, series] : table) {
    if (matches(series->labels().decoded())) found.push_back(series);
  }
  for (Series* series : found)
    unlink(series);
  return found.size();
}

Family::Family(std::unique_ptr<State> state) : state_(std::move(state)) {}
Family::~Family() = default;
CounterFamily::CounterFamily(std::unique_ptr<State> state) : Family(std::move(state)) {}
GaugeFamily::GaugeFamily(std::unique_ptr<State> state) : Family(std::move(state)) {}
HistogramFamily::HistogramFamily(std::unique_ptr<State> state) : Family(std::move(state)) {}

const std::string& Family::name() const {
  return state_->spec.name;
}
const std::vector<std::string>& Family::labels() const {
  return state_->spec.labels;
}
MetricKind Family::kind() const {
  return state_->kind;
}

Series* Family::find(const LabelValues& values) {
  Series*& slot = thread_cache.slot(state_->id, values.hash());
  if (slot != nullptr && slot->family() == state_->id && slot->state() == Series::State::kActive &&
      slot->labels() == values) {
    return slot;
  }
  if (values.size() != state_->spec.labels.size()) {
    throw std::invalid_argument("metric " + state_->spec.name + " has " + std::to_string(state_->spec.labels.size()) +
                                " labels, got " + std::to_string(values.size()) + " values");
  }
  std::lock_guard lock(state_->mutex);
  Series* series = state_->find_or_make(values);
  if (series != nullptr) ThreadCache::put(slot, series);
  return series;
}

bool Family::remove(const LabelValues& values) {
  const bool removed = state_->remove(values);
  if (removed && state_->twin != nullptr && state_->twin_columns.size() == state_->spec.labels.size()) {
    state_->twin->state_->remove(state_->twin_values(values));
  }
  return removed;
}

std::size_t Family::remove_matching(LabelPairs labels) {
  constexpr auto kNone = static_cast<std::size_t>(-1);
  using Wanted = std::vector<std::pair<std::size_t, std::string_view>>;  // column, value
  const auto remove_from = [](State& state, const Wanted& wanted) {
    return state.remove_where([&](const std::vector<std::string_view>& series) {
      return std::all_of(wanted.begin(), wanted.end(), [&](const auto& w) { return series[w.first] == w.second; });
    });
  };
  Wanted ours;
  Wanted theirs;
  for (const auto& [name, value] : labels) {
    const auto& names = state_->spec.labels;
    const auto column = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (column == names.size()) return 0;
    ours.emplace_back(column, value);
    const auto& columns = state_->twin_columns;
    const auto it = std::find(columns.begin(), columns.end(), column);
    theirs.emplace_back(it == columns.end() ? kNone : static_cast<std::size_t>(it - columns.begin()), value);
  }
  const bool twin_has_all = std::none_of(theirs.begin(), theirs.end(), [](const auto& w) { return w.first == kNone; });
  if (state_->twin != nullptr && twin_has_all) remove_from(*state_->twin->state_, theirs);
  return remove_from(*state_, ours);
}

std::size_t Family::series_count() const {
  std::lock_guard lock(state_->mutex);
  return state_->table.size();
}

}  // namespace epp::telemetry
