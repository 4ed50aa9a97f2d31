#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

namespace epp::request {

/// Ends the run with a report when a property does not hold.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// The input of one run, from which a few decisions are taken before the rest is used as text.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  /// Up to `most` bytes.
  std::string_view text(std::size_t most) {
    const std::string_view result = rest_.substr(0, most);
    rest_.remove_prefix(result.size());
    return result;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Cuts `text` at places that follow from `seed`.
inline std::vector<std::string_view> chunks_of(std::string_view text, std::uint8_t seed) {
  std::minstd_rand random(seed + 1u);
  const std::size_t most = seed % 2 == 0 ? 4 : 40;
  std::vector<std::string_view> chunks;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t size = random() % most;
    chunks.push_back(text.substr(from, size));
    from += size;
  }
  return chunks;
}

}  // namespace epp::request
