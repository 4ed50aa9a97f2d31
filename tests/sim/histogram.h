#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace epp::sim {

// A Prometheus histogram: counts of values at or below each bound, and above the last.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void observe(double value) {
    std::size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i])
      ++i;
    ++counts_[i];
    sum_ += value;
  }

  const std::vector<double>& bounds() const { return bounds_; }
  // Not cumulative; one longer than bounds().
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

}  // namespace epp::sim
