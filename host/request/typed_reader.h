#pragma once

#include "request/arena.h"
#include "request/json_reader.h"
#include "request/json_text.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace epp::request {

/// Reads JSON values as fields of a declared type, by the rules of Go's decoder: null leaves a field as it is, a value
/// of the wrong type is remembered as the error (the first one counts) and skipped, so that the rest of the document is
/// still validated. `path` names the field in errors ("messages.role").
class TypedReader {
 public:
  TypedReader(JsonReader& json, Arena& arena) : json_(json), arena_(arena) {}

  /// The first type error; empty if there was none.
  const std::string& error() const { return error_; }
  bool failed() const { return !error_.empty(); }
  void fail(std::string error) {
    if (error_.empty()) error_ = std::move(error);
  }

  void string(std::string_view path, std::string_view& out) {
    if (const auto value = string_token(path)) out = decode_string(*value, arena_);
  }
  void string(std::string_view path) { string_token(path); }
  void boolean(std::string_view path) { expect(JsonKind::kBool, "bool", path); }
  /// A number without fraction or exponent that fits in 64 bits.
  void integer(std::string_view path);
  void object(std::string_view path) { expect(JsonKind::kObject, "object", path); }
  void array(std::string_view path) { expect(JsonKind::kArray, "array", path); }

  /// As above; `raw` becomes the value's bytes, empty for null.
  void array(std::string_view path, std::string_view& raw) {
    raw = {};
    expect(JsonKind::kArray, "array", path, &raw);
  }
  /// Any value; `raw` becomes its bytes, empty for null.
  void any(std::string_view& raw);

  /// Calls `on_member(key)` for each member of an object; it must consume the value.
  template <typename F>
  void members(std::string_view path, F&& on_member) {
    if (!is(JsonKind::kObject, "object", path)) return;
    json_.enter_object();
    std::string_view key;
    while (json_.next_member(key))
      on_member(key);
  }
  /// Calls `on_element(index)` for each element of an array; it must consume the value.
  template <typename F>
  void elements(std::string_view path, F&& on_element) {
    if (!is(JsonKind::kArray, "array", path)) return;
    json_.enter_array();
    for (std::size_t index = 0; json_.next_element(); ++index)
      on_element(index);
  }

  void skip() { json_.skip(); }
  JsonReader& json() { return json_; }

 private:
  // True if a value of that kind stands next; else consumes it.
  bool is(JsonKind wanted, std::string_view type, std::string_view path);
  bool expect(JsonKind wanted, std::string_view type, std::string_view path, std::string_view* raw = nullptr);
  std::optional<JsonString> string_token(std::string_view path);
  void mismatch(std::string_view got, std::string_view type, std::string_view path);

  JsonReader& json_;
  Arena& arena_;
  std::string error_;
};

/// A token id: a whole number in [0, 2^32), however it is written (1e2 is 100).
std::optional<std::uint32_t> parse_token_id(std::string_view literal);

}  // namespace epp::request
