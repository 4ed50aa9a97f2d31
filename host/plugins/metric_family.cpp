#include "plugins/metric_family.h"

namespace epp::plugins {

epp_series* MetricFamily::acquire(std::span<const std::string_view> values) {
  const std::scoped_lock lock(mutex_);
  epp_series* const series = find(values);
  if (series != nullptr) ++holders_[series];
  return series;
}

void MetricFamily::release(epp_series* series, bool remove) {
  const std::scoped_lock lock(mutex_);
  const auto at = holders_.find(series);
  if (at == holders_.end() || --at->second != 0) return;
  holders_.erase(at);
  if (remove) drop(series);
}

}  // namespace epp::plugins

epp_metric::~epp_metric() {
  for (epp_series* const series : held_)
    family_.release(series, false);
}

epp_series* epp_metric::series(std::span<const std::string_view> values) {
  epp_series* const series = family_.acquire(values);
  if (series == nullptr) return nullptr;
  const std::scoped_lock lock(mutex_);
  // Held already: once is enough.
  if (!held_.insert(series).second) family_.release(series, false);
  return series;
}

void epp_metric::remove(epp_series* series) {
  {
    const std::scoped_lock lock(mutex_);
    if (held_.erase(series) == 0) return;
  }
  family_.release(series, true);
}
