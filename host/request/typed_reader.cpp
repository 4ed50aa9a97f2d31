#include "request/typed_reader.h"

#include <charconv>

namespace epp::request {

void TypedReader::fail(std::string_view error) {
  if (ended_) return;
  ended_ = true;
  error_ = error;
}

void TypedReader::mismatch(std::string_view got, const TypedField& field) {
  if (failed()) return;
  error_.append("json: cannot unmarshal ").append(got).append(" into Go struct field ");
  error_.append(field.owner).append(".").append(field.path).append(" of type ").append(field.type);
}

bool TypedReader::is(JsonKind wanted, const TypedField& field) {
  JsonKind kind{};
  if (!json_.peek(kind)) return false;
  if (kind == wanted) return true;
  if (json_.skip() && kind != JsonKind::kNull) mismatch(kind_name(kind), field);
  return false;
}

bool TypedReader::expect(JsonKind wanted, const TypedField& field, std::string_view* raw) {
  if (!is(wanted, field)) return false;
  return raw == nullptr ? json_.skip() : json_.skip(*raw);
}

std::optional<JsonString> TypedReader::string_token(const TypedField& field) {
  if (!is(JsonKind::kString, field)) return std::nullopt;
  return json_.string();
}

std::optional<std::string_view> TypedReader::number(const TypedField& field) {
  if (!is(JsonKind::kNumber, field)) return std::nullopt;
  const std::string_view literal = json_.number();
  return json_.failed() ? std::nullopt : std::optional(literal);
}

void TypedReader::integer(const TypedField& field) {
  const auto literal = number(field);
  if (!literal) return;
  std::int64_t value = 0;
  const char* end = literal->data() + literal->size();
  const auto parsed = std::from_chars(literal->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) mismatch("number " + std::string(*literal), field);
}

void TypedReader::any(std::string_view& raw) {
  JsonKind kind{};
  raw = {};
  if (!json_.peek(kind)) return;
  std::string_view bytes;
  if (json_.skip(bytes) && kind != JsonKind::kNull) raw = bytes;
}

std::optional<std::uint32_t> parse_token_id(std::string_view literal) {
  std::uint32_t id = 0;
  const char* end = literal.data() + literal.size();
  const auto parsed = std::from_chars(literal.data(), end, id);
  if (parsed.ec == std::errc() && parsed.ptr == end) return id;
  const double value = parse_double(literal);
  if (!(value >= 0 && value <= 4294967295.0)) return std::nullopt;
  id = static_cast<std::uint32_t>(value);
  return static_cast<double>(id) == value ? std::optional(id) : std::nullopt;
}

}  // namespace epp::request
