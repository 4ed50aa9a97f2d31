#include "sim/answer.h"

#include <array>
#include <cstdio>

#include <xxhash.h>

namespace epp::sim {
namespace {

constexpr std::array<std::string_view, 16> kWords = {"river", "stone", "light", "wind",  "paper", "north",
                                                     "amber", "field", "quiet", "seven", "glass", "early",
                                                     "cloud", "cedar", "open",  "tide"};

}  // namespace

Answer::Answer(std::string_view prompt, std::uint32_t choice) : seed_(XXH64(prompt.data(), prompt.size(), choice)) {}

std::uint32_t Answer::natural_tokens() const {
  return 16 + static_cast<std::uint32_t>(seed_ % 32);
}

std::string Answer::token(std::uint32_t i) const {
  if (i == 0) {
    std::array<char, 17> digest{};
    std::snprintf(digest.data(), digest.size(), "%016llx", static_cast<unsigned long long>(seed_));
    return digest.data();
  }
  const std::uint64_t pick = XXH64(&i, sizeof i, seed_);
  return " " + std::string(kWords[pick % kWords.size()]);
}

std::string Answer::text(std::uint32_t n) const {
  std::string text;
  for (std::uint32_t i = 0; i < n; ++i)
    text += token(i);
  return text;
}

}  // namespace epp::sim
