// An array for results, with elements around it that nobody may write.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace epp::check {

template <typename T>
class Fenced {
 public:
  Fenced() { reset(0, T{}); }
  // `size` elements, preset to `value`.
  void reset(size_t size, T value) {
    size_ = size;
    elements_.resize(size + 2 * kFence);
    std::memset(static_cast<void*>(elements_.data()), kByte, elements_.size() * sizeof(T));
    std::fill_n(data(), size, value);
  }
  T* data() { return elements_.data() + kFence; }
  T& operator[](size_t i) { return elements_[kFence + i]; }
  size_t size() const { return size_; }
  bool intact() const {
    const auto clean = [](const T* begin) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(begin);
      return std::all_of(bytes, bytes + kFence * sizeof(T), [](unsigned char byte) { return byte == kByte; });
    };
    return clean(elements_.data()) && clean(elements_.data() + kFence + size_);
  }

 private:
  static constexpr size_t kFence = 8;
  static constexpr unsigned char kByte = 0xA5;
  std::vector<T> elements_ = std::vector<T>(2 * kFence);
  size_t size_ = 0;
};

}  // namespace epp::check
