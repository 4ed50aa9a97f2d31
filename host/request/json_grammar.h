#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace epp::request {

/// Most nested arrays and objects that a document may have.
inline constexpr std::size_t kMaxJsonDepth = 10000;

inline bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// True if `c` makes a whole escape after a backslash; `u` does not.
inline bool is_short_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return true;
    default:
      return false;
  }
}

/// The open arrays and objects around a place in a document, one bit each.
class JsonNesting {
 public:
  std::size_t depth() const { return depth_; }

  /// False, and nothing happens, at kMaxJsonDepth.
  bool push(bool object) {
    if (depth_ == kMaxJsonDepth) return false;
    std::uint64_t& word = objects_[depth_ / 64];
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    // The first bit of a word initialises it: most documents need but one of them.
    if (depth_ % 64 == 0) word = 0;
    word = object ? word | bit : word & ~bit;
    ++depth_;
    return true;
  }

  void pop() { --depth_; }
  void clear() { depth_ = 0; }

  /// Is the innermost one an object? Only if depth() > 0.
  bool in_object() const {
    const std::size_t level = depth_ - 1;
    return ((objects_[level / 64] >> (level % 64)) & 1) != 0;
  }

 private:
  std::size_t depth_ = 0;
  std::array<std::uint64_t, kMaxJsonDepth / 64 + 1> objects_;
};

}  // namespace epp::request
