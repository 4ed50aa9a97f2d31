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
/// valid when it moves. Recycled by reset(), it allocates nothing for a request like those before. Not thread-safe.
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

  /// Forgets everything, and keeps some of the memory.
  void reset() {
    std::size_t kept = 0;
    std::erase_if(blocks_, [&kept](const Block& block) { return (kept += block.size) > kKeptBytes; });
    used_ = 0;
    next_ = nullptr;
    left_ = 0;
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
  static constexpr std::size_t kKeptBytes = std::size_t{256} << 10;

  struct Block {
    std::unique_ptr<char[]> memory;
    std::size_t size;
  };

  void grow(std::size_t at_least) {
    while (used_ < blocks_.size() && blocks_[used_].size < at_least)
      ++used_;
    if (used_ == blocks_.size()) {
      const std::size_t size = at_least > kBlock ? at_least : kBlock;
      blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    }
    next_ = blocks_[used_].memory.get();
    left_ = blocks_[used_].size;
    ++used_;
  }

  std::vector<Block> blocks_;
  std::size_t used_ = 0;  // blocks that were begun
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace epp::request
