// A set of small integers that is emptied in constant time: scratch for checking what plugins answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace epp::plugins {

class SlotSet {
 public:
  // Empty, for members below `limit`.
  void clear(size_t limit) {
    if (stamps_.size() < limit) stamps_.resize(limit, 0);
    if (++current_ == 0) {
      stamps_.assign(stamps_.size(), 0);
      current_ = 1;
    }
  }
  bool contains(uint32_t i) const { return i < stamps_.size() && stamps_[i] == current_; }
  void insert(uint32_t i) { stamps_[i] = current_; }
  // True when `i` was in the set; it is not any more.
  bool take(uint32_t i) {
    if (!contains(i)) return false;
    stamps_[i] = 0;
    return true;
  }

 private:
  std::vector<uint32_t> stamps_;
  uint32_t current_ = 0;
};

}  // namespace epp::plugins
