#include "request/typed_reader.h"

#include <charconv>

namespace epp::request {
void TypedReader::mismatch(std::string_view got, std::string_view type, std::string_view path) {
  if (failed()) return;
  error_.append("json: cannot unmarshal ").append(got).append(" into field ").append(path);
  error_.append(" of type ").append(type);
}

bool TypedReader::is(JsonKind wanted, std::string_view type, std::string_view path) {
  JsonKind kind{};
  if (!json_.peek(kind)) return false;
  if (kind == wanted) return true;
  if (json_.skip() && kind != JsonKind::kNull) mismatch(kind_name(kind), type, path);
  return false;
}

bool TypedReader::expect(JsonKind wanted, std::string_view type, std::string_view path, std::string_view* raw) {
  if (!is(wanted, type, path)) return false;
  return raw == nullptr ? json_.skip() : json_.skip(*raw);
}

std::optional<JsonString> TypedReader::string_token(std::string_view path) {
  if (!is(JsonKind::kString, "string", path)) return std::nullopt;
  return json_.string();
}

void TypedReader::integer(std::string_view path) {
  if (!is(JsonKind::kNumber, "int", path)) return;
  const std::string_view literal = json_.number();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (error != std::errc() || end != literal.data() + literal.size()) {
    mismatch("number " + std::string(literal), "int", path);
  }
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
