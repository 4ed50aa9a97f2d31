#include "request/json_reader.h"

#include "request/json_text.h"

#include <cmath>

namespace epp::request {
namespace {

// Shorter literals without an exponent stay far below the largest double.
constexpr std::size_t kSafeNumberLength = 300;

// `byte` as a quoted character, read as a code point (U+0000 to U+00FF): 'x', '\n', '\x00', '\u0080', 'Ã'.
std::string quoted(char byte) {
  const auto c = static_cast<unsigned char>(byte);
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '\'':
      return "'\\''";
    case '\\':
      return "'\\\\'";
    case '\a':
      return "'\\a'";
    case '\b':
      return "'\\b'";
    case '\f':
      return "'\\f'";
    case '\n':
      return "'\\n'";
    case '\r':
      return "'\\r'";
    case '\t':
      return "'\\t'";
    case '\v':
      return "'\\v'";
    default:
      break;
  }
  const bool printable = (c >= 0x20 && c < 0x7f) || (c > 0xa0 && c != 0xad);
  std::string text = "'";
  if (!printable) {
    text += c < 0x80 ? "\\x" : "\\u00";
    text += kHex[c >> 4];
    text += kHex[c & 15];
  } else if (c < 0x80) {
    text += byte;
  } else {
    text += static_cast<char>(0xc0 | (c >> 6));
    text += static_cast<char>(0x80 | (c & 0x3f));
  }
  return text + "'";
}

}  // namespace

bool JsonReader::fail_end() {
  if (error_.empty()) error_ = "unexpected end of JSON input";
  return false;
}

// The byte at the cursor does not belong there. The end of the document counts as a space, as in Go, so a token that is
// cut short is reported as one with a space in it.
bool JsonReader::fail_at(const char* context) {
  if (!error_.empty()) return false;
  error_ = "invalid character " + quoted(cur_ == end_ ? ' ' : *cur_) + " " + context;
  return false;
}

bool JsonReader::fail_after_value() {
  if (nesting_.depth() == 0) return fail_at("after top-level value");
  return fail_at(nesting_.in_object() ? "after object key:value pair" : "after array element");
}

// Cursor at the opening bracket.
bool JsonReader::open(bool object) {
  if (!nesting_.push(object)) return fail_at("exceeded max depth");
  ++cur_;
  return true;
}

// Cursor at the closing bracket.
void JsonReader::close() {
  nesting_.pop();
  ++cur_;
}

void JsonReader::skip_space() {
  while (cur_ != end_ && is_json_space(*cur_))
    ++cur_;
}

bool JsonReader::peek(JsonKind& kind) {
  if (failed()) return false;
  skip_space();
  if (cur_ == end_) return fail_end();
  switch (*cur_) {
    case '{':
      kind = JsonKind::kObject;
      return true;
    case '[':
      kind = JsonKind::kArray;
      return true;
    case '"':
      kind = JsonKind::kString;
      return true;
    case 't':
    case 'f':
      kind = JsonKind::kBool;
      return true;
    case 'n':
      kind = JsonKind::kNull;
      return true;
    case '-':
      kind = JsonKind::kNumber;
      return true;
    default:
      break;
  }
  if (!is_digit(*cur_)) return fail_at("looking for beginning of value");
  kind = JsonKind::kNumber;
  return true;
}

bool JsonReader::enter(bool object) {
  if (failed() || !open(object)) return false;
  first_ = true;
  return true;
}

bool JsonReader::next_element() {
  if (failed()) return false;
  skip_space();
  if (cur_ == end_) return fail_end();
  if (*cur_ == ']') {
    close();
    first_ = false;
    return false;
  }
  if (first_) {
    first_ = false;
    return true;
  }
  if (*cur_ != ',') return fail_after_value();
  ++cur_;
  return true;
}

// Cursor behind `{` or `,`: reads the key and its colon.
bool JsonReader::member_key(JsonString& key) {
  skip_space();
  if (cur_ == end_) return fail_end();
  if (*cur_ != '"') return fail_at("looking for beginning of object key string");
  if (!scan_string(key)) return false;
  skip_space();
  if (cur_ == end_) return fail_end();
  if (*cur_ != ':') return fail_at("after object key");
  ++cur_;
  return true;
}

bool JsonReader::next_member(std::string_view& key) {
  if (failed()) return false;
  skip_space();
  if (cur_ == end_) return fail_end();
  if (*cur_ == '}') {
    close();
    first_ = false;
    return false;
  }
  if (!first_) {
    if (*cur_ != ',') return fail_after_value();
    ++cur_;
  }
  first_ = false;
  JsonString raw;
  if (!member_key(raw)) return false;
  if (raw.plain()) {
    key = raw.raw;
  } else {
    key_.clear();
    append_decoded(key_, raw);
    key = key_;
  }
  return true;
}

// Cursor at the backslash.
bool JsonReader::scan_escape() {
  ++cur_;
  if (cur_ != end_ && is_short_escape(*cur_)) {
    ++cur_;
    return true;
  }
  if (cur_ == end_ || *cur_ != 'u') return fail_at("in string escape code");
  ++cur_;
  for (int i = 0; i < 4; ++i, ++cur_) {
    if (cur_ == end_ || !is_hex_digit(*cur_)) return fail_at("in \\u hexadecimal character escape");
  }
  return true;
}

bool JsonReader::scan_string(JsonString& out) {
  const char* start = ++cur_;
  out.escaped = false;
  out.non_ascii = false;
  for (;;) {
    cur_ = find_string_special(cur_, end_, out.non_ascii);
    if (cur_ == end_) return fail_end();
    if (*cur_ == '"') break;
    if (*cur_ != '\\') return fail_at("in string literal");
    out.escaped = true;
    if (!scan_escape()) return false;
  }
  out.raw = {start, static_cast<std::size_t>(cur_ - start)};
  ++cur_;
  return true;
}

bool JsonReader::digits(const char* context) {
  if (cur_ == end_ || !is_digit(*cur_)) return fail_at(context);
  while (cur_ != end_ && is_digit(*cur_))
    ++cur_;
  return true;
}

bool JsonReader::scan_number() {
  const char* start = cur_;
  bool exponent = false;
  if (*cur_ == '-') ++cur_;
  if (cur_ != end_ && *cur_ == '0') {
    ++cur_;
  } else if (!digits("in numeric literal")) {
    return false;
  }
  if (cur_ != end_ && *cur_ == '.') {
    ++cur_;
    if (!digits("after decimal point in numeric literal")) return false;
  }
  if (cur_ != end_ && (*cur_ == 'e' || *cur_ == 'E')) {
    exponent = true;
    ++cur_;
    if (cur_ != end_ && (*cur_ == '+' || *cur_ == '-')) ++cur_;
    if (!digits("in exponent of numeric literal")) return false;
  }
  const std::string_view literal(start, static_cast<std::size_t>(cur_ - start));
  if ((exponent || literal.size() > kSafeNumberLength) && out_of_range_.empty() && std::isinf(parse_double(literal))) {
    out_of_range_ = literal;
  }
  return true;
}

bool JsonReader::scan_literal(std::string_view word) {
  for (char expected : word) {
    if (cur_ == end_ || *cur_ != expected) {
      const std::string context = "in literal " + std::string(word) + " (expecting '" + expected + "')";
      return fail_at(context.c_str());
    }
    ++cur_;
  }
  return true;
}

JsonString JsonReader::string() {
  JsonString result;
  if (failed() || !scan_string(result)) return {};
  return result;
}

std::string_view JsonReader::number() {
  if (failed()) return {};
  const char* start = cur_;
  if (!scan_number()) return {};
  return {start, static_cast<std::size_t>(cur_ - start)};
}

bool JsonReader::boolean() {
  if (failed()) return false;
  const bool value = *cur_ == 't';
  return scan_literal(value ? "true" : "false") && value;
}

void JsonReader::null() {
  if (!failed()) scan_literal("null");
}

// Any value but an array or object.
bool JsonReader::scan_scalar() {
  JsonString ignored;
  switch (*cur_) {
    case '"':
      return scan_string(ignored);
    case 't':
      return scan_literal("true");
    case 'f':
      return scan_literal("false");
    case 'n':
      return scan_literal("null");
    default:
      break;
  }
  if (*cur_ != '-' && !is_digit(*cur_)) return fail_at("looking for beginning of value");
  return scan_number();
}

bool JsonReader::skip() {
  if (failed()) return false;
  skip_space();
  if (cur_ == end_) return fail_end();
  if (*cur_ != '{' && *cur_ != '[') return scan_scalar();
  return skip_containers(nesting_.depth());
}

bool JsonReader::skip(std::string_view& raw) {
  if (failed()) return false;
  skip_space();
  const char* start = cur_;
  if (!skip()) return false;
  raw = {start, static_cast<std::size_t>(cur_ - start)};
  return true;
}

// Cursor at `{` or `[`: consumes it and all that it holds, without recursion.
bool JsonReader::skip_containers(std::size_t base) {
  JsonString key;
  for (;;) {
    // Cursor at the first byte of a value.
    const bool object = *cur_ == '{';
    bool after_value = true;
    if (object || *cur_ == '[') {
      if (!open(object)) return false;
      skip_space();
      if (cur_ == end_) return fail_end();
      after_value = *cur_ == (object ? '}' : ']');
      if (!after_value && object && !member_key(key)) return false;
    } else if (!scan_scalar()) {
      return false;
    }
    while (after_value && nesting_.depth() > base) {
      skip_space();
      if (cur_ == end_) return fail_end();
      const bool in_object = nesting_.in_object();
      if (*cur_ == (in_object ? '}' : ']')) {
        close();
      } else if (*cur_ == ',') {
        ++cur_;
        if (in_object && !member_key(key)) return false;
        after_value = false;
      } else {
        return fail_after_value();
      }
    }
    if (nesting_.depth() == base) return true;
    skip_space();
    if (cur_ == end_) return fail_end();
  }
}

bool JsonReader::finish() {
  if (failed()) return false;
  skip_space();
  return cur_ == end_ || fail_after_value();
}

std::string_view kind_name(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "bool";
    case JsonKind::kNumber:
      return "number";
    case JsonKind::kString:
      return "string";
    case JsonKind::kArray:
      return "array";
    case JsonKind::kObject:
      return "object";
  }
  return "";
}

std::string not_a_map_error(JsonKind kind) {
  return "json: cannot unmarshal " + std::string(kind_name(kind)) + " into Go value of type map[string]interface {}";
}

std::string out_of_range_error(std::string_view number) {
  return "json: cannot unmarshal number " + std::string(number) + " into Go value of type float64";
}

}  // namespace epp::request
