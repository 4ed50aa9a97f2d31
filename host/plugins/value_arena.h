// Memory for values that plugins hand over: strings, lists, token ids. Recycled with the request.
#pragma once

#include <epp/abi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace epp::plugins {

// Longer lists are mistakes: no prompt has so many tokens.
inline constexpr uint64_t kMostItems = uint64_t{1} << 24;

class ValueArena {
 public:
  explicit ValueArena(size_t block_size = 4096) : block_size_(block_size) {}

  // Uninitialised, aligned for any scalar, valid until clear().
  void* allocate(size_t size);
  epp_str copy(epp_str text);
  // The value with everything that it points to; a list of more than kMostItems is missing.
  epp_value copy(const epp_value& value);
  // Forgets all; keeps up to kKeptBytes for reuse.
  void clear();

 private:
  static constexpr size_t kKeptBytes = size_t{1} << 20;
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    size_t size = 0;
  };

  size_t block_size_;
  std::vector<Block> blocks_;
  size_t current_ = 0;  // block being filled
  size_t used_ = 0;     // bytes of it
};

}  // namespace epp::plugins
