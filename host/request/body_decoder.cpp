#include "request/body_decoder.h"

#include <cmath>
#include <limits>

namespace epp::request {

bool BodyDecoder::enter() {
  JsonKind kind{};
  if (!json_.peek(kind)) return false;
  if (kind != JsonKind::kObject) {
    json_.skip();
    if (kind != JsonKind::kNull) not_a_map_ = not_a_map_error(kind);
    return false;
  }
  json_.enter_object();
  request_.model_insert_offset = json_.offset();
  request_.empty_object = true;
  return true;
}

std::string BodyDecoder::finish() {
  if (!json_.finish()) return json_.error();
  if (!not_a_map_.empty()) return not_a_map_;
  if (const auto number = json_.out_of_range_number(); !number.empty()) return out_of_range_error(number);
  return {};
}

void BodyDecoder::read_model() {
  JsonKind kind{};
  if (!json_.peek(kind)) return;
  const std::size_t start = json_.offset();
  request_.model = {};
  if (kind == JsonKind::kString) {
    request_.model = decode_string(json_.string(), request_.arena);
  } else {
    json_.skip();
  }
  request_.model_values.push_back({start, json_.offset() - start});
}

void BodyDecoder::read_stream() {
  JsonKind kind{};
  if (!json_.peek(kind)) return;
  request_.stream = kind == JsonKind::kBool && json_.boolean();
  if (kind != JsonKind::kBool) json_.skip();
}

void BodyDecoder::read_cap(std::optional<std::int64_t>& cap) {
  JsonKind kind{};
  cap = std::nullopt;
  if (!json_.peek(kind)) return;
  if (kind != JsonKind::kNumber) {
    json_.skip();
    return;
  }
  const std::string_view literal = json_.number();
  if (literal.empty()) return;
  const double value = parse_double(literal);
  if (!(value >= 0) || std::isinf(value) || std::trunc(value) != value) return;
  constexpr double kTooLarge = 9223372036854775808.0;  // 2^63
  cap = value < kTooLarge ? static_cast<std::int64_t>(value) : std::numeric_limits<std::int64_t>::max();
}

void BodyDecoder::read_nested_cap(std::string_view key, std::optional<std::int64_t>& cap) {
  JsonKind kind{};
  cap = std::nullopt;
  if (!json_.peek(kind)) return;
  if (kind != JsonKind::kObject) {
    json_.skip();
    return;
  }
  json_.enter_object();
  std::string_view member;
  while (json_.next_member(member)) {
    if (member == key) {
      read_cap(cap);
    } else {
      json_.skip();
    }
  }
}

}  // namespace epp::request
