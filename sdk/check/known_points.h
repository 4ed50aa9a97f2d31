// The extension points of this version of the ABI: the least size of each table, and what it must have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace epp::check {

struct KnownPoint {
  std::string_view id;
  uint32_t size_v1 = 0;
  std::vector<size_t> mandatory;  // offsets of functions
};

std::span<const KnownPoint> known_points();
const KnownPoint* find_point(std::string_view id);

}  // namespace epp::check
