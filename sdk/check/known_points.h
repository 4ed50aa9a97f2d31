// The extension points of this version of the ABI: the least size of each table, and what it must have.
#pragma once

#include "plugins/instance.h"

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

// The table of a draft that the host has no member for; null when the instance does not serve it.
template <typename Table>
const Table* table_of(const plugins::Instance& instance, std::string_view id) {
  const epp_instance* const raw = instance.raw();
  return static_cast<const Table*>(raw->get_extension(raw, {id.data(), id.size()}));
}

}  // namespace epp::check
