#pragma once

#include <cstddef>
#include <random>
#include <string_view>
#include <vector>

namespace epp::request {

/// Ways to cut `text` into chunks: whole, byte by byte, at every single place, and some random ones (empty chunks too).
inline std::vector<std::vector<std::string_view>> splits_of(std::string_view text) {
  std::vector<std::vector<std::string_view>> all = {{text}};
  auto& bytes = all.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i)
    bytes.push_back(text.substr(i, 1));
  for (std::size_t i = 0; i <= text.size(); ++i)
    all.push_back({text.substr(0, i), text.substr(i)});
  std::minstd_rand random(7);
  for (int round = 0; round < 50; ++round) {
    auto& chunks = all.emplace_back();
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t size = random() % 12;
      chunks.push_back(text.substr(from, size));
      from += size;
    }
  }
  return all;
}

}  // namespace epp::request
