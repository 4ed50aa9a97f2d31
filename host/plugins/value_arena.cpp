#include "plugins/value_arena.h"

#include <algorithm>
#include <cstring>

namespace epp::plugins {

void* ValueArena::allocate(size_t size) {
  constexpr size_t kAlignment = alignof(std::max_align_t);
  size = (std::max<size_t>(size, 1) + kAlignment - 1) & ~(kAlignment - 1);
  while (current_ < blocks_.size()) {
    if (blocks_[current_].size - used_ >= size) {
      void* const result = blocks_[current_].memory.get() + used_;
      used_ += size;
      return result;
    }
    ++current_;
    used_ = 0;
  }
  const size_t block = std::max(size, block_size_);
  blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(block), block});
  used_ = size;
  return blocks_.back().memory.get();
}

epp_str ValueArena::copy(epp_str text) {
  if (text.data == nullptr) return {};
  auto* const to = static_cast<char*>(allocate(text.size));
  if (text.size != 0) std::memcpy(to, text.data, text.size);
  return {to, text.size};
}

epp_value ValueArena::copy(const epp_value& value) {
  epp_value result = value;
  const bool too_long = (value.type == EPP_TYPE_STR_LIST && value.u.str_list.count > kMostItems) ||
                        (value.type == EPP_TYPE_U32_LIST && value.u.u32_list.count > kMostItems);
  if (too_long) {
    result.u = {};
    return result;
  }
  switch (value.type) {
    case EPP_TYPE_STR:
      result.u.str = copy(value.u.str);
      break;
    case EPP_TYPE_BYTES: {
      const epp_str bytes = copy(epp_str{reinterpret_cast<const char*>(value.u.bytes.data), value.u.bytes.size});
      result.u.bytes = {reinterpret_cast<const uint8_t*>(bytes.data), bytes.size};
      break;
    }
    case EPP_TYPE_STR_LIST: {
      const epp_str_list list = value.u.str_list;
      if (list.items == nullptr) break;
      auto* const items = static_cast<epp_str*>(allocate(list.count * sizeof(epp_str)));
      for (uint64_t i = 0; i < list.count; ++i)
        items[i] = copy(list.items[i]);
      result.u.str_list = {items, list.count};
      break;
    }
    case EPP_TYPE_U32_LIST: {
      const epp_u32_list list = value.u.u32_list;
      if (list.items == nullptr) break;
      auto* const items = static_cast<uint32_t*>(allocate(list.count * sizeof(uint32_t)));
      if (list.count != 0) std::memcpy(items, list.items, list.count * sizeof(uint32_t));
      result.u.u32_list = {items, list.count};
      break;
    }
    default:
      break;
  }
  return result;
}

void ValueArena::clear() {
  size_t kept = 0;
  std::erase_if(blocks_, [&kept](const Block& block) {
    kept += block.size;
    return kept > kKeptBytes;
  });
  current_ = 0;
  used_ = 0;
}

}  // namespace epp::plugins
