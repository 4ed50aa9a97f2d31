#pragma once

#include "request/json_grammar.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace epp::request {

enum class JsonKind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

/// A string as it stands in the document, without its quotes. See json_text.h for decoding.
struct JsonString {
  std::string_view raw;
  bool escaped = false;    ///< holds at least one backslash
  bool non_ascii = false;  ///< holds at least one byte >= 0x80 (which need not be valid UTF-8)

  /// The decoded string is `raw` itself.
  bool plain() const { return !escaped && !non_ascii; }
};

/// A strictly validating cursor over one JSON document: one pass, no tree, no allocation for what is skipped.
///
/// It accepts exactly the documents that Go's encoding/json accepts (RFC 8259 plus: invalid UTF-8 and lone surrogate
/// escapes in strings; at most kMaxJsonDepth levels) and words its errors alike. A document is only known to be valid
/// once finish() returned true, so whoever stops early must still skip what follows.
///
///   JsonReader json(body);
///   if (json.peek(kind) && kind == JsonKind::kObject) {
///     json.enter_object();
///     while (json.next_member(key)) key == "model" ? use(json.string()) : json.skip();
///   }
///   if (!json.finish()) return json.error();
///
/// After the first error every call does nothing and returns false or an empty value. The document must outlive the
/// reader and everything read from it. Not thread-safe.
class JsonReader {
 public:
  explicit JsonReader(std::string_view document)
      : begin_(document.data()), cur_(document.data()), end_(document.data() + document.size()) {}

  /// Kind of the value that stands next.
  bool peek(JsonKind& kind);

  /// Enters the object or array that peek() announced; leave it by exhausting next_member() or next_element().
  bool enter_object() { return enter(true); }
  bool enter_array() { return enter(false); }

  /// Moves to the next member and reads its decoded key; false after the last one (then the object is left) or on
  /// error. The value must be consumed before the next call. `key` is valid until the next call of next_member().
  bool next_member(std::string_view& key);
  /// Likewise for arrays.
  bool next_element();

  /// Consume the value that peek() announced.
  JsonString string();
  std::string_view number();  ///< the literal
  bool boolean();
  void null();

  /// Consumes any value; false on error.
  bool skip();
  /// Likewise; `raw` becomes its bytes without surrounding white space.
  bool skip(std::string_view& raw);

  /// True if nothing but white space follows the value and no error occurred.
  bool finish();

  bool failed() const { return !error_.empty(); }
  /// The syntax error, e.g. "invalid character 'x' after top-level value"; empty if there was none.
  const std::string& error() const { return error_; }

  /// First number so far that no double can hold (e.g. 1e999): valid JSON that a decoder into doubles refuses.
  std::string_view out_of_range_number() const { return out_of_range_; }

  /// Bytes from the start of the document to the cursor.
  std::size_t offset() const { return static_cast<std::size_t>(cur_ - begin_); }
  /// The bytes from `start`, an earlier offset(), to the cursor.
  std::string_view since(std::size_t start) const { return {begin_ + start, offset() - start}; }

 private:
  bool enter(bool object);
  bool open(bool object);
  void close();
  void skip_space();
  bool skip_containers(std::size_t base);
  bool member_key(JsonString& key);
  bool scan_scalar();
  bool scan_string(JsonString& out);
  bool scan_escape();
  bool scan_number();
  bool scan_literal(std::string_view word);
  bool digits(const char* context);
  bool fail_end();
  bool fail_at(const char* context);
  bool fail_after_value();

  const char* begin_;
  const char* cur_;
  const char* end_;
  bool first_ = false;  // the next element or member is the first of its container
  JsonNesting nesting_;
  std::string_view out_of_range_;
  std::string error_;
  std::string key_;  // a key that had to be decoded
};

/// "null", "bool", "number", "string", "array" or "object".
std::string_view kind_name(JsonKind kind);

/// The error of a decoder into a string-keyed map when the (valid) document is `kind`, e.g.
/// "json: cannot unmarshal array into Go value of type map[string]interface {}". `kind` is no object and not null.
std::string not_a_map_error(JsonKind kind);
/// Likewise for a number out of a double's range.
std::string out_of_range_error(std::string_view number);

}  // namespace epp::request
