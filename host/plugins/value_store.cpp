#include "plugins/value_store.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace epp::plugins {

size_t element_size(uint32_t type) {
  switch (type) {
    case EPP_TYPE_F64:
    case EPP_TYPE_I64:
      return 8;
    case EPP_TYPE_STR:
    case EPP_TYPE_STR_LIST:
    case EPP_TYPE_BYTES:
      return 16;
    default:
      return 0;
  }
}

namespace {

void fill_missing(void* column, uint32_t type, size_t slots) {
  switch (type) {
    case EPP_TYPE_F64:
      std::fill_n(static_cast<double*>(column), slots, std::numeric_limits<double>::quiet_NaN());
      break;
    case EPP_TYPE_I64:
      std::fill_n(static_cast<int64_t*>(column), slots, EPP_I64_MISSING);
      break;
    default:
      std::memset(column, 0, slots * element_size(type));
  }
}

}  // namespace

const ValueStore::Entry* ValueStore::find(epp_attr attr) const {
  if (attr >= index_.size() || index_[attr] == 0) return nullptr;
  return &entries_[index_[attr] - 1u];
}

ValueStore::Entry* ValueStore::find(epp_attr attr) {
  return const_cast<Entry*>(static_cast<const ValueStore*>(this)->find(attr));
}

ValueStore::Entry& ValueStore::find_or_make(epp_attr attr) {
  if (Entry* existing = find(attr)) return *existing;
  if (attr >= index_.size()) index_.resize(attr + 1u, 0);
  if (used_ == entries_.size()) entries_.emplace_back();
  Entry& entry = entries_[used_++];
  index_[attr] = static_cast<uint16_t>(used_);
  entry.attr = attr;
  entry.type = 0;
  return entry;
}

void* ValueStore::column(epp_attr attr) const {
  const Entry* entry = find(attr);
  return entry != nullptr && entry->type != 0 && entry->is_column ? entry->memory.get() : nullptr;
}

void* ValueStore::make_column(epp_attr attr, uint32_t type, size_t slots) {
  const size_t bytes = element_size(type) * slots;
  if (bytes == 0) return nullptr;
  Entry& entry = find_or_make(attr);
  if (entry.type != 0) return entry.type == type && entry.is_column ? entry.memory.get() : nullptr;
  if (entry.capacity < bytes) {
    // A quarter more, so that a growing pool does not allocate at every new endpoint.
    entry.capacity = bytes + bytes / 4;
    entry.memory = std::make_unique_for_overwrite<uint64_t[]>(entry.capacity / 8 + 1);
  }
  entry.type = type;
  entry.is_column = true;
  entry.slots = slots;
  fill_missing(entry.memory.get(), type, slots);
  return entry.memory.get();
}

bool ValueStore::write_element(epp_attr attr, uint32_t slot, const epp_value& value) {
  Entry* entry = find(attr);
  if (entry == nullptr || !entry->is_column || slot >= entry->slots || entry->type != value.type) return false;
  void* const memory = entry->memory.get();
  switch (value.type) {
    case EPP_TYPE_F64:
      static_cast<double*>(memory)[slot] = value.u.f64;
      return true;
    case EPP_TYPE_I64:
      static_cast<int64_t*>(memory)[slot] = value.u.i64;
      return true;
    case EPP_TYPE_STR:
      static_cast<epp_str*>(memory)[slot] = arena_.copy(value.u.str);
      return true;
    case EPP_TYPE_STR_LIST:
      static_cast<epp_str_list*>(memory)[slot] = arena_.copy(value).u.str_list;
      return true;
    case EPP_TYPE_BYTES:
      static_cast<epp_bytes*>(memory)[slot] = arena_.copy(value).u.bytes;
      return true;
    default:
      return false;
  }
}

const epp_value* ValueStore::value(epp_attr attr) const {
  const Entry* entry = find(attr);
  return entry != nullptr && entry->type != 0 && !entry->is_column ? &entry->value : nullptr;
}

void ValueStore::set_value(epp_attr attr, const epp_value& value) {
  Entry& entry = find_or_make(attr);
  entry.value = arena_.copy(value);
  entry.type = value.type;
  entry.is_column = false;
}

uint32_t* ValueStore::set_u32(epp_attr attr, size_t count) {
  Entry& entry = find_or_make(attr);
  auto* const items = static_cast<uint32_t*>(arena_.allocate(count * sizeof(uint32_t)));
  entry.value = {};
  entry.value.type = EPP_TYPE_U32_LIST;
  entry.value.u.u32_list = {items, count};
  entry.type = EPP_TYPE_U32_LIST;
  entry.is_column = false;
  return items;
}

void ValueStore::drop(epp_attr attr) {
  if (Entry* entry = find(attr)) entry->type = 0;
}

void ValueStore::clear() {
  for (size_t i = 0; i < used_; ++i)
    index_[entries_[i].attr] = 0;
  used_ = 0;
  arena_.clear();
}

}  // namespace epp::plugins
