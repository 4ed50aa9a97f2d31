#pragma once

#include "request/json_grammar.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace epp::request {

/// Validates one JSON document that arrives in pieces cut anywhere, and keeps only the few values that can tell usage:
/// the members `usage`, `type`, `response.usage` and `message.usage` (the last duplicate of each). Accepts the same
/// documents as JsonReader.
class UsageScanner {
 public:
  enum Slot : std::uint8_t { kUsage, kType, kResponseUsage, kMessageUsage, kSlots };

  /// A kept value longer than this makes the document unusable.
  static constexpr std::size_t kMaxValue = 16 * 1024;

  /// Forgets the document and starts with the next one.
  void reset();
  void feed(std::string_view bytes);
  /// True if what was fed is a whole, valid document.
  bool complete() const;

  /// Raw value, empty if the member is absent; meaningful only if complete().
  std::string_view value(Slot slot) const { return values_[slot]; }

 private:
  enum class State : std::uint8_t {
    kValue,        // a value must follow
    kArrayStart,   // a value or ]
    kObjectStart,  // a key or }
    kKey,          // a key must follow
    kColon,
    kAfterValue,
    kString,
    kEscape,
    kHex,  // hex_left_ digits must follow
    kLiteral,
    kMinus,  // number states: what was just read
    kZero,
    kInteger,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kFailed,
  };
  // Which objects' members are of interest.
  enum class Scope : std::uint8_t { kOther, kRoot, kResponse, kMessage };

  const char* step(const char* p, const char* end);
  const char* step_string(const char* p, const char* end);
  void step_escape(char c);
  void step_structure(const char* p);
  bool step_number(char c);
  void begin_value(const char* p);
  void end_value(const char* p);
  void begin_key();
  void end_key();
  void add_to_key(std::string_view bytes);
  void push(bool object);
  void pop(const char* p);
  Scope scope() const;
  void keep(const char* end);
  void fail() { state_ = State::kFailed; }

  // A key longer than any that matters; what does not fit is not kept.
  static constexpr std::size_t kMaxKey = 64;

  State state_ = State::kValue;
  bool in_key_ = false;
  std::uint8_t hex_left_ = 0;
  const char* literal_left_ = nullptr;
  JsonNesting nesting_;
  std::string key_;  // raw, of the member being read; only in scopes of interest
  bool key_escaped_ = false;
  Scope child_scope_ = Scope::kOther;  // of the object at depth 2, by its key
  Slot pending_ = kSlots;              // the slot of the value that follows
  Slot kept_ = kSlots;                 // the slot being filled
  std::size_t kept_depth_ = 0;
  const char* kept_from_ = nullptr;  // start of the kept bytes within the current piece
  std::array<std::string, kSlots> values_;
};

}  // namespace epp::request
