// One attribute's values for all endpoints, indexed by slot.
#pragma once

#include <epp/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace epp::endpoints {

// A text or list value with the views that the ABI shows. Shared by the columns that contain it.
struct TextValue {
  std::string text;
  std::vector<std::string> list;
  std::vector<epp_str> views;  // of list
};

// Mutable in the table, under its lock; a const copy stands in a snapshot. Every element starts missing.
class Column {
 public:
  Column(uint32_t type, size_t size);
  // A copy of `from` with `size` elements.
  Column(const Column& from, size_t size);

  uint32_t type() const { return type_; }
  size_t size() const { return size_; }

  // Setters return whether the value is new. Arguments must be of the column's type.
  bool set_f64(uint32_t slot, double value);
  bool set_i64(uint32_t slot, int64_t value);
  bool set_text(uint32_t slot, const std::string& value);  // STR and BYTES
  bool set_list(uint32_t slot, const std::vector<std::string>& value);
  bool set_missing(uint32_t slot);
  void grow(size_t size);

  const double* f64() const { return f64_.data(); }
  const int64_t* i64() const { return i64_.data(); }
  const epp_str* str() const { return str_.data(); }
  const epp_str_list* str_list() const { return list_.data(); }
  const epp_bytes* bytes() const { return bytes_.data(); }

  // Shared columns in which everything is missing; `count` elements at most SLOTS of the table.
  static const double* missing_f64();
  static const int64_t* missing_i64();
  static const epp_str* missing_str();
  static const epp_str_list* missing_str_list();
  static const epp_bytes* missing_bytes();

 private:
  uint32_t type_;
  size_t size_;
  // One of these, by type, has size_ elements.
  std::vector<double> f64_;
  std::vector<int64_t> i64_;
  std::vector<epp_str> str_;
  std::vector<epp_str_list> list_;
  std::vector<epp_bytes> bytes_;
  std::vector<std::shared_ptr<const TextValue>> texts_;  // what the views of the last three point into
};

}  // namespace epp::endpoints
