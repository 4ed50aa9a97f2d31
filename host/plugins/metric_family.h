// Metrics as instances hold them. The numbers behind a label set are shared by all instances that ask for it; each
// holds it on its own, so that what one removes stays good for the others.
#pragma once

#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

// One label set of a family. [any thread]
struct epp_series {
  virtual ~epp_series() = default;
  virtual void add(double delta) = 0;
  virtual void set(double value) = 0;
  virtual void observe(double value) = 0;
};

namespace epp::plugins {

// A family of the MetricsService's. [any thread]
class MetricFamily {
 public:
  virtual ~MetricFamily() = default;
  // The series of these label values, made at first use, with one holder more; nullptr when their number is wrong or
  // the family is full.
  epp_series* acquire(std::span<const std::string_view> values);
  // One holder less. `remove`: it vanishes from the next scrape if that was the last.
  void release(epp_series* series, bool remove);

 private:
  // Under the mutex. The same series for the same values, until it is dropped.
  virtual epp_series* find(std::span<const std::string_view> values) = 0;
  virtual void drop(epp_series* series) = 0;

  std::mutex mutex_;
  std::unordered_map<epp_series*, unsigned> holders_;
};

}  // namespace epp::plugins

// A family as one instance holds it. [any thread]
struct epp_metric {
 public:
  explicit epp_metric(epp::plugins::MetricFamily& family) : family_(family) {}
  // Leaves the series where they are.
  ~epp_metric();
  epp_metric(const epp_metric&) = delete;
  epp_metric& operator=(const epp_metric&) = delete;

  epp_series* series(std::span<const std::string_view> values);
  // Ignores what the instance does not hold.
  void remove(epp_series* series);
  bool is_of(const epp::plugins::MetricFamily& family) const { return &family == &family_; }

 private:
  epp::plugins::MetricFamily& family_;
  std::mutex mutex_;
  std::unordered_set<epp_series*> held_;
};
