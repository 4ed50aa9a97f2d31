// XXH64 with seed 0, compiled in: no run-time dependency.
#pragma once

#define XXH_INLINE_ALL
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <xxhash.h>

namespace epp::builtin {

inline uint64_t xxh64(const void* data, size_t size) {
  return data != nullptr ? XXH64(data, size, 0) : XXH64("", 0, 0);
}
inline uint64_t xxh64(std::string_view text) {
  return xxh64(text.data(), text.size());
}

// Of the concatenation.
inline uint64_t xxh64(std::string_view first, std::string_view second) {
  if (second.empty()) return xxh64(first);
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  XXH64_update(&state, first.data(), first.size());
  XXH64_update(&state, second.data(), second.size());
  return XXH64_digest(&state);
}

}  // namespace epp::builtin
