#include "endpoints/column.h"

#include "endpoints/endpoint_table.h"

#include <array>
#include <bit>
#include <limits>

namespace epp::endpoints {
namespace {

constexpr double kMissingF64 = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kSlots = EndpointTable::kMaxSlots;

// Two values are the same when their bits are: NaN equals itself here.
bool same(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

}  // namespace

Column::Column(uint32_t type, size_t size) : type_(type), size_(0) {
  grow(size);
}

Column::Column(const Column& from, size_t size) : Column(from) {
  if (size > size_) grow(size);
}

void Column::grow(size_t size) {
  size_ = size;
  switch (type_) {
    case EPP_TYPE_F64:
      f64_.resize(size, kMissingF64);
      return;
    case EPP_TYPE_I64:
      i64_.resize(size, EPP_I64_MISSING);
      return;
    case EPP_TYPE_STR:
      str_.resize(size, epp_str{});
      break;
    case EPP_TYPE_STR_LIST:
      list_.resize(size, epp_str_list{});
      break;
    case EPP_TYPE_BYTES:
      bytes_.resize(size, epp_bytes{});
      break;
    default:
      return;
  }
  texts_.resize(size);
}

bool Column::set_f64(uint32_t slot, double value) {
  if (same(f64_[slot], value)) return false;
  f64_[slot] = value;
  return true;
}

bool Column::set_i64(uint32_t slot, int64_t value) {
  if (i64_[slot] == value) return false;
  i64_[slot] = value;
  return true;
}

bool Column::set_text(uint32_t slot, const std::string& value) {
  if (texts_[slot] && texts_[slot]->text == value) return false;
  auto fresh = std::make_shared<TextValue>();
  fresh->text = value;
  if (type_ == EPP_TYPE_STR) {
    str_[slot] = {fresh->text.data(), fresh->text.size()};
  } else {
    bytes_[slot] = {reinterpret_cast<const uint8_t*>(fresh->text.data()), fresh->text.size()};
  }
  texts_[slot] = std::move(fresh);
  return true;
}

bool Column::set_list(uint32_t slot, const std::vector<std::string>& value) {
  if (texts_[slot] && texts_[slot]->list == value) return false;
  auto fresh = std::make_shared<TextValue>();
  fresh->list = value;
  // An empty list is present: its items must not be null.
  fresh->views.reserve(value.size() + 1);
  for (const auto& item : fresh->list)
    fresh->views.push_back({item.data(), item.size()});
  list_[slot] = {fresh->views.data(), fresh->views.size()};
  texts_[slot] = std::move(fresh);
  return true;
}

bool Column::set_missing(uint32_t slot) {
  switch (type_) {
    case EPP_TYPE_F64:
      return set_f64(slot, kMissingF64);
    case EPP_TYPE_I64:
      return set_i64(slot, EPP_I64_MISSING);
    default:
      break;
  }
  if (!texts_[slot]) return false;
  texts_[slot].reset();
  if (type_ == EPP_TYPE_STR) str_[slot] = {};
  if (type_ == EPP_TYPE_STR_LIST) list_[slot] = {};
  if (type_ == EPP_TYPE_BYTES) bytes_[slot] = {};
  return true;
}

const double* Column::missing_f64() {
  static const std::vector<double> column(kSlots, kMissingF64);
  return column.data();
}

const int64_t* Column::missing_i64() {
  static const std::vector<int64_t> column(kSlots, EPP_I64_MISSING);
  return column.data();
}

// Zero pages: they take no memory.
const epp_str* Column::missing_str() {
  static std::array<epp_str, kSlots> column;
  return column.data();
}

const epp_str_list* Column::missing_str_list() {
  static std::array<epp_str_list, kSlots> column;
  return column.data();
}

const epp_bytes* Column::missing_bytes() {
  static std::array<epp_bytes, kSlots> column;
  return column.data();
}

}  // namespace epp::endpoints
