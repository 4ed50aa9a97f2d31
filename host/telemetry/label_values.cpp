#include "telemetry/label_values.h"

#include "telemetry/json_text.h"

#include <cstring>

namespace epp::telemetry {

LabelValues::LabelValues(std::initializer_list<std::string_view> values)
    : LabelValues(std::span(values.begin(), values.size())) {}

LabelValues::LabelValues(std::span<const std::string_view> values) {
  std::size_t bytes = 0;
  for (const auto value : values)
    bytes += sizeof(std::uint32_t) + value.size();
  encoded_.reserve(bytes);
  for (const auto value : values)
    append(value);
  finish();
}

std::vector<std::string_view> LabelValues::decoded() const {
  std::vector<std::string_view> values;
  values.reserve(count_);
  for (std::size_t at = 0; at < encoded_.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, encoded_.data() + at, sizeof length);
    at += sizeof length;
    values.emplace_back(encoded_.data() + at, length);
    at += length;
  }
  return values;
}

LabelValues LabelValues::plus(std::string_view value) const {
  LabelValues longer = *this;
  longer.append(value);
  longer.finish();
  return longer;
}

void LabelValues::append(std::string_view value) {
  std::string repaired;
  if (!is_utf8(value)) {
    repaired = to_utf8(value);
    value = repaired;
  }
  const auto length = static_cast<std::uint32_t>(value.size());
  encoded_.append(reinterpret_cast<const char*>(&length), sizeof length);
  encoded_ += value;
  ++count_;
}

void LabelValues::finish() {
  hash_ = std::hash<std::string_view>{}(encoded_);
}

}  // namespace epp::telemetry
