// The label values of one series as a key: built once, looked up in as many families as have the same labels.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::telemetry {

/// Values in the order of the family's label names. What is not UTF-8 is repaired with U+FFFD, because an
/// exposition with other bytes is refused whole by Prometheus.
class LabelValues {
 public:
  LabelValues() { finish(); }
  LabelValues(std::initializer_list<std::string_view> values);
  explicit LabelValues(std::span<const std::string_view> values);

  std::size_t size() const { return count_; }
  std::uint64_t hash() const { return hash_; }
  /// The values, each after its length (uint32, native order): equal exactly when all values are.
  const std::string& encoded() const { return encoded_; }
  /// Views into this object.
  std::vector<std::string_view> decoded() const;
  /// These values and one more at the end.
  LabelValues plus(std::string_view value) const;

  bool operator==(const LabelValues& other) const { return encoded_ == other.encoded_; }

 private:
  void append(std::string_view value);
  void finish();

  std::string encoded_;
  std::uint64_t hash_ = 0;
  std::size_t count_ = 0;
};

}  // namespace epp::telemetry
