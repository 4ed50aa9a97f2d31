// Hash chains over token blocks: equal prefixes of equal requests have equal hashes, block by block.
//
//   h(-1) = xxh64(model bytes | cache salt bytes)
//   b(i)  = xxh64(tokens of block i as u32 LE)            the last block may be partial
//   h(i)  = xxh64(u64 LE b(i) | u64 LE h(i-1))
#pragma once

#include "xxh64.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace epp::builtin {

static_assert(std::endian::native == std::endian::little, "tokens and hashes are hashed as they lie in memory");

// h(-1)
inline uint64_t prefix_seed(std::string_view model, std::string_view cache_salt) {
  return xxh64(model, cache_salt);
}

// Appends the chain of one prompt to `out`; at most `max_blocks` blocks of `block_size` (> 0) tokens.
inline void append_prefix_hashes(uint64_t seed, std::span<const uint32_t> tokens, size_t block_size, size_t max_blocks,
                                 std::vector<uint64_t>& out) {
  const size_t blocks = std::min((tokens.size() + block_size - 1) / block_size, max_blocks);
  out.reserve(out.size() + blocks);
  uint64_t link[2] = {0, seed};
  for (size_t i = 0; i < blocks; ++i) {
    const std::span<const uint32_t> rest = tokens.subspan(i * block_size);
    link[0] = xxh64(rest.data(), std::min(rest.size(), block_size) * sizeof(uint32_t));
    link[1] = xxh64(link, sizeof link);
    out.push_back(link[1]);
  }
}

}  // namespace epp::builtin
