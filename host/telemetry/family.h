// The table of one family's series; internal to the room.
#pragma once

#include "telemetry/metrics.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace epp::telemetry {

struct Family::State {
  State(MetricKind kind_of, const FamilySpec& spec_of, std::vector<double> upper_bounds, unsigned shard_count);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Under the lock: the series, made or revived. Null when the family is full.
  Series* find_or_make(const LabelValues& values);
  /// The values of the twin's labels.
  LabelValues twin_values(const LabelValues& values) const;
  /// Counted pointers to all series, so that a scrape need not hold the lock.
  std::vector<SeriesRef> all() const;
  std::size_t retire_idle(unsigned idle_passes);
  bool remove(const LabelValues& values);
  std::size_t remove_where(const std::function<bool(const std::vector<std::string_view>&)>& matches);

  const std::uint64_t id;  // never reused, so that per-thread caches can outlive a family
  const MetricKind kind;
  const FamilySpec spec;
  const unsigned shards;
  const std::shared_ptr<const std::vector<double>> bounds;
  Family* twin = nullptr;
  std::vector<std::size_t> twin_columns;  // for each twin label, the place of its source among ours

  mutable std::mutex mutex;
  // Keys view into the series they lead to.
  std::unordered_map<std::string_view, Series*> table;
  std::uint64_t dropped = 0;

 private:
  void unlink(Series* series);
};

}  // namespace epp::telemetry
