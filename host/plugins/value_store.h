// The attributes of one request: columns that producers wrote, and values of request scope.
#pragma once

#include "plugins/value_arena.h"

#include <epp/abi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace epp::plugins {

// Bytes of one element of a column of this type; 0 for types that have no columns.
size_t element_size(uint32_t type);

class ValueStore {
 public:
  // nullptr when nobody wrote it.
  void* column(epp_attr attr) const;
  // The column, made (all missing, `slots` elements) at first use; nullptr when it exists with another type.
  void* make_column(epp_attr attr, uint32_t type, size_t slots);
  // Stores a copy at `slot` of an existing column. False when the slot is beyond it or the type differs.
  bool write_element(epp_attr attr, uint32_t slot, const epp_value& value);

  const epp_value* value(epp_attr attr) const;
  void set_value(epp_attr attr, const epp_value& value);
  uint32_t* set_u32(epp_attr attr, size_t count);

  // Forgets one attribute, column or value.
  void drop(epp_attr attr);
  // Forgets everything; keeps memory.
  void clear();

 private:
  struct Entry {
    epp_attr attr = EPP_ATTR_NONE;
    uint32_t type = 0;  // 0: dropped
    bool is_column = false;
    size_t slots = 0;
    size_t capacity = 0;
    std::unique_ptr<uint64_t[]> memory;  // of a column
    epp_value value{};
  };
  Entry* find(epp_attr attr);
  const Entry* find(epp_attr attr) const;
  Entry& find_or_make(epp_attr attr);

  std::vector<Entry> entries_;
  size_t used_ = 0;
  std::vector<uint16_t> index_;  // by attribute: 1 + index into entries_, 0: none
  ValueArena arena_;
};

}  // namespace epp::plugins
