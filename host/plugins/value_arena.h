// Memory for values that plugins hand over: strings, lists, token ids. Recycled with the request.
#pragma once

#include <epp/abi.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace epp::plugins {

class ValueArena {
 public:
  explicit ValueArena(size_t block_size = 4096) : block_size_(block_size) {}

  // Uninitialised, aligned for any scalar, valid until clear().
  void* allocate(size_t size);
  epp_str copy(epp_str text);
  // The value with everything that it points to.
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
