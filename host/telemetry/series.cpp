#include "telemetry/series.h"

#include <cmath>

namespace epp::telemetry {
namespace {

unsigned lines_per_shard(MetricKind kind, const std::shared_ptr<const std::vector<double>>& bounds) {
  if (kind != MetricKind::kHistogram) return 1;
  return static_cast<unsigned>((1 + bounds->size() + 1 + 7) / 8);  // sum, buckets, +Inf
}

}  // namespace

Series::Series(std::uint64_t family, MetricKind kind, LabelValues labels, unsigned shards,
               std::shared_ptr<const std::vector<double>> bounds, SeriesRef twin)
    : family_(family),
      kind_(kind),
      shards_(kind == MetricKind::kGauge ? 1 : shards),  // a set() has no meaning across shards
      lines_(lines_per_shard(kind, bounds)),
      labels_(std::move(labels)),
      bounds_(std::move(bounds)),
      twin_(std::move(twin)),
      cells_(std::make_unique<CacheLine[]>(std::size_t{shards_} * lines_)) {}

void Series::increment(std::uint64_t by) noexcept {
  cells()->words[0].fetch_add(by, std::memory_order_relaxed);
  if (auto* twin = twin_.get()) twin->increment(by);
}

void Series::add(double amount) noexcept {
  if (kind_ == MetricKind::kGauge) {
    detail::add_real(cells()->words[0], amount);
  } else {
    if (!(amount >= 0)) return;
    detail::add_real(cells()->words[1], amount);
  }
  if (auto* twin = twin_.get()) twin->add(amount);
}

void Series::set(double value) noexcept {
  cells()->words[0].store(std::bit_cast<std::uint64_t>(value), std::memory_order_relaxed);
  if (auto* twin = twin_.get()) twin->set(value);
}

void Series::observe(double value) noexcept {
  if (std::isnan(value)) return;
  // Linear: the arrays are small and most values fall into the first half.
  const auto& bounds = *bounds_;
  std::size_t bucket = 0;
  while (bucket < bounds.size() && value > bounds[bucket])
    ++bucket;
  CacheLine* mine = cells();
  word(mine, 1 + bucket).fetch_add(1, std::memory_order_relaxed);
  detail::add_real(mine->words[0], value);
  if (auto* twin = twin_.get()) twin->observe(value);
}

double Series::value() const noexcept {
  if (kind_ == MetricKind::kGauge) {
    return std::bit_cast<double>(cells_[0].words[0].load(std::memory_order_relaxed));
  }
  std::uint64_t whole = 0;
  double fraction = 0;
  for (unsigned shard = 0; shard < shards_; ++shard) {
    whole += cells_[shard].words[0].load(std::memory_order_relaxed);
    fraction += std::bit_cast<double>(cells_[shard].words[1].load(std::memory_order_relaxed));
  }
  return static_cast<double>(whole) + fraction;
}

Series::Distribution Series::distribution() const {
  Distribution result;
  result.counts.resize(bounds_->size() + 1);
  for (unsigned shard = 0; shard < shards_; ++shard) {
    CacheLine* cells = cells_.get() + std::size_t{shard} * lines_;
    result.sum += std::bit_cast<double>(cells->words[0].load(std::memory_order_relaxed));
    for (std::size_t i = 0; i < result.counts.size(); ++i) {
      result.counts[i] += word(cells, 1 + i).load(std::memory_order_relaxed);
    }
  }
  return result;
}

std::uint64_t Series::fingerprint() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t line = 0; line < std::size_t{shards_} * lines_; ++line) {
    for (const auto& cell : cells_[line].words)
      sum += cell.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace epp::telemetry
