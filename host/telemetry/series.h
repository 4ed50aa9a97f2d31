// One time series: its cells, its life and the handles that update it. Everything here is relaxed atomics on
// cache-line padded cells; metrics.h has the families that make and find series.
//
// Life. A series is counted by references (its family's table, the per-thread lookup caches, handles), so that
// an update can never touch freed memory. Handles count a second time as users: a series with users is not
// retired for idleness. Retirement takes two passes of Registry::retire_idle: the first marks the series, which
// sends lookups to the table, where they revive it; the next unlinks it if it was neither revived nor changed.
// Updates that were under way at the mark are thereby seen.
#pragma once

#include "telemetry/label_values.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace epp::telemetry {

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

struct alignas(64) CacheLine {
  std::array<std::atomic<std::uint64_t>, 8> words{};
};

namespace detail {

/// Adds to a double kept as its bits.
inline void add_real(std::atomic<std::uint64_t>& cell, double amount) noexcept {
  std::uint64_t seen = cell.load(std::memory_order_relaxed);
  while (!cell.compare_exchange_weak(seen, std::bit_cast<std::uint64_t>(std::bit_cast<double>(seen) + amount),
                                     std::memory_order_relaxed)) {
  }
}

/// A small number that differs between threads that run at the same moment.
inline unsigned thread_number() noexcept {
  static constinit std::atomic<unsigned> next{0};
  thread_local const unsigned mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace detail

class Series;

/// Counted pointer to a series; as a *user* it also protects the series from retirement for idleness.
class SeriesRef {
 public:
  SeriesRef() noexcept = default;
  explicit SeriesRef(Series* series) noexcept;
  SeriesRef(const SeriesRef& other) noexcept : SeriesRef(other.series_) {}
  SeriesRef(SeriesRef&& other) noexcept : series_(std::exchange(other.series_, nullptr)) {}
  SeriesRef& operator=(SeriesRef other) noexcept {
    std::swap(series_, other.series_);
    return *this;
  }
  ~SeriesRef();
  Series* get() const noexcept { return series_; }

 private:
  Series* series_ = nullptr;
};

class Series {
 public:
  enum class State : std::uint8_t { kActive, kRetiring, kRetired };

  /// `bounds` are null unless a histogram; `shards` is a power of two.
  Series(std::uint64_t family, MetricKind kind, LabelValues labels, unsigned shards,
         std::shared_ptr<const std::vector<double>> bounds, SeriesRef twin);
  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  // Updates, each applied to the deprecated twin too. [any thread, concurrent]
  void increment(std::uint64_t by) noexcept;
  void add(double amount) noexcept;     ///< counter: negative and NaN are ignored; gauge: any
  void set(double value) noexcept;      ///< gauge
  void observe(double value) noexcept;  ///< histogram; NaN is ignored: it would spoil the sum for good

  /// Counter or gauge value.
  double value() const noexcept;
  struct Distribution {
    std::vector<std::uint64_t> counts;  ///< per bucket, not cumulative; the last is +Inf
    double sum = 0;
  };
  Distribution distribution() const;

  std::uint64_t family() const noexcept { return family_; }
  MetricKind kind() const noexcept { return kind_; }
  const LabelValues& labels() const noexcept { return labels_; }
  const std::vector<double>& bounds() const noexcept { return *bounds_; }

  State state() const noexcept { return state_.load(std::memory_order_acquire); }
  void set_state(State state) noexcept { state_.store(state, std::memory_order_release); }
  bool has_users() const noexcept { return users_.load(std::memory_order_acquire) != 0; }

  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // Bookkeeping of the family, under its lock.
  std::uint64_t seen_fingerprint = 0;
  unsigned idle_passes = 0;
  /// Changes whenever a counter or histogram was updated (and nearly always for a gauge).
  std::uint64_t fingerprint() const noexcept;

 private:
  friend class SeriesRef;
  ~Series() = default;
  CacheLine* cells() noexcept { return cells_.get() + (detail::thread_number() & (shards_ - 1)) * lines_; }
  std::atomic<std::uint64_t>& word(CacheLine* cells, std::size_t i) const noexcept { return cells[i / 8].words[i % 8]; }

  const std::uint64_t family_;
  const MetricKind kind_;
  const unsigned shards_;
  const unsigned lines_;  // cache lines per shard
  std::atomic<State> state_{State::kActive};
  std::atomic<std::uint32_t> references_{1};
  std::atomic<std::uint32_t> users_{0};
  const LabelValues labels_;
  const std::shared_ptr<const std::vector<double>> bounds_;
  const SeriesRef twin_;
  // Per shard. Counter: [whole, fraction as double]. Gauge: [double]. Histogram: [sum as double, one count a bucket].
  const std::unique_ptr<CacheLine[]> cells_;
};

inline SeriesRef::SeriesRef(Series* series) noexcept : series_(series) {
  if (series_ == nullptr) return;
  series_->ref();
  series_->users_.fetch_add(1, std::memory_order_acq_rel);
}

inline SeriesRef::~SeriesRef() {
  if (series_ == nullptr) return;
  series_->users_.fetch_sub(1, std::memory_order_acq_rel);
  series_->unref();
}

/// Handles: keep them as long as you like, also beyond the registry. A default-constructed handle does nothing.
/// After remove() of its labels a handle still works but is no longer exported.
class Counter {
 public:
  Counter() noexcept = default;
  explicit Counter(Series* series) noexcept : ref_(series) {}
  void inc(std::uint64_t by = 1) const noexcept {
    if (auto* s = ref_.get()) s->increment(by);
  }
  void add(double amount) const noexcept {
    if (auto* s = ref_.get()) s->add(amount);
  }
  double value() const noexcept { return ref_.get() ? ref_.get()->value() : 0; }
  explicit operator bool() const noexcept { return ref_.get() != nullptr; }

 private:
  SeriesRef ref_;
};

class Gauge {
 public:
  Gauge() noexcept = default;
  explicit Gauge(Series* series) noexcept : ref_(series) {}
  void set(double value) const noexcept {
    if (auto* s = ref_.get()) s->set(value);
  }
  void add(double amount) const noexcept {
    if (auto* s = ref_.get()) s->add(amount);
  }
  double value() const noexcept { return ref_.get() ? ref_.get()->value() : 0; }
  explicit operator bool() const noexcept { return ref_.get() != nullptr; }

 private:
  SeriesRef ref_;
};

class Histogram {
 public:
  Histogram() noexcept = default;
  explicit Histogram(Series* series) noexcept : ref_(series) {}
  void observe(double value) const noexcept {
    if (auto* s = ref_.get()) s->observe(value);
  }
  explicit operator bool() const noexcept { return ref_.get() != nullptr; }

 private:
  SeriesRef ref_;
};

}  // namespace epp::telemetry
