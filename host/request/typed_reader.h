#pragma once

#include "request/arena.h"
#include "request/json_reader.h"
#include "request/json_text.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::request {

/// A field of a typed structure, as type errors name it. Clients see these names; they are those of the Go structures
/// that the API was first decoded into. Where no error text is told they may be empty.
struct TypedField {
  std::string_view owner;  ///< the structure that declares it; may be empty
  std::string_view path;   ///< keys from the document's root, joined by dots
  std::string_view type;
};

/// Reads JSON values as fields of a declared type, by the rules of Go's decoder: null leaves a field as it is; a value
/// of the wrong type is remembered as the error (the first one counts) and skipped, so that the rest of the document is
/// still validated.
class TypedReader {
 public:
  TypedReader(JsonReader& json, Arena& arena) : json_(json), arena_(arena) {}

  /// The error, e.g. "json: cannot unmarshal number into Go struct field Message.messages.role of type string"; empty
  /// if there was none.
  const std::string& error() const { return error_; }
  bool failed() const { return !error_.empty(); }
  /// The error of a type that decodes itself. It ends decoding, so it takes the place of an earlier type error.
  void fail(std::string_view error);

  void string(const TypedField& field, std::string_view& out) {
    if (const auto value = string_token(field)) out = decode_string(*value, arena_);
  }
  void string(const TypedField& field) { string_token(field); }
  void boolean(const TypedField& field) { expect(JsonKind::kBool, field); }
  /// The literal of a number; nullopt for anything else.
  std::optional<std::string_view> number(const TypedField& field);
  /// A number without fraction or exponent that fits in 64 bits.
  void integer(const TypedField& field);
  void object(const TypedField& field) { expect(JsonKind::kObject, field); }
  void array(const TypedField& field) { expect(JsonKind::kArray, field); }

  /// As above; `raw` becomes the value's bytes, empty for null.
  void array(const TypedField& field, std::string_view& raw) {
    raw = {};
    expect(JsonKind::kArray, field, &raw);
  }
  /// Any value; `raw` becomes its bytes, empty for null.
  void any(std::string_view& raw);

  /// Calls `on_member(key)` for each member of an object; it must consume the value.
  template <typename F>
  void members(const TypedField& field, F&& on_member) {
    if (!is(JsonKind::kObject, field)) return;
    json_.enter_object();
    std::string_view key;
    while (json_.next_member(key))
      on_member(key);
  }
  /// Calls `on_element(index)` for each element of an array; it must consume the value.
  template <typename F>
  void elements(const TypedField& field, F&& on_element) {
    if (!is(JsonKind::kArray, field)) return;
    json_.enter_array();
    for (std::size_t index = 0; json_.next_element(); ++index)
      on_element(index);
  }

  void skip() { json_.skip(); }
  JsonReader& json() { return json_; }

 private:
  // True if a value of that kind stands next; else consumes it.
  bool is(JsonKind wanted, const TypedField& field);
  bool expect(JsonKind wanted, const TypedField& field, std::string_view* raw = nullptr);
  std::optional<JsonString> string_token(const TypedField& field);
  void mismatch(std::string_view got, const TypedField& field);

  JsonReader& json_;
  Arena& arena_;
  std::string error_;
  bool ended_ = false;  // by fail()
};

/// A token id: a whole number in [0, 2^32), however it is written (1e2 is 100).
std::optional<std::uint32_t> parse_token_id(std::string_view literal);

}  // namespace epp::request
