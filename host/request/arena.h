#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace epp::request {

/// Bump allocator for the strings of one request that cannot be views into its body. Movable; views into it stay
/// valid when it moves. Not thread-safe.
class Arena {
 public:
  /// `size` bytes, aligned for any fundamental type, valid as long as the arena.
  char* allocate(std::size_t size) {
    const std::size_t rounded = (size + kAlignment - 1) & ~(kAlignment - 1);
    if (rounded > left_) grow(rounded);
    char* result = next_;
    next_ += rounded;
    left_ -= rounded;
    return result;
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = allocate(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

 private:
  static constexpr std::size_t kAlignment = alignof(std::max_align_t);
  static constexpr std::size_t kBlock = 4096;

  void grow(std::size_t at_least) {
    const std::size_t size = at_least > kBlock ? at_least : kBlock;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    next_ = blocks_.back().get();
    left_ = size;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace epp::request
