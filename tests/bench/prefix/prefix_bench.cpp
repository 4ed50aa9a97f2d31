// The estimate of cached prefixes: hashing a prompt, and looking its blocks up.
#include "../../../plugins/common/lru_hash_set.h"
#include "../../../plugins/common/prefix_hash.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include <benchmark/benchmark.h>

namespace epp::builtin {
namespace {

constexpr std::size_t kBlock = 64;  // tokens, the plugin's default

std::vector<uint64_t> hashes_of(std::size_t tokens, uint32_t first_token) {
  std::vector<uint32_t> prompt(tokens);
  std::iota(prompt.begin(), prompt.end(), first_token);
  std::vector<uint64_t> hashes;
  append_prefix_hashes(prefix_seed("model", ""), prompt, kBlock, SIZE_MAX, hashes);
  return hashes;
}

void BM_HashPrompt(benchmark::State& state) {
  std::vector<uint32_t> prompt(static_cast<std::size_t>(state.range(0)));
  std::iota(prompt.begin(), prompt.end(), 0U);
  std::vector<uint64_t> hashes;
  for (auto _ : state) {
    hashes.clear();
    append_prefix_hashes(prefix_seed("model", ""), prompt, kBlock, SIZE_MAX, hashes);
    benchmark::DoNotOptimize(hashes.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<int64_t>(sizeof(uint32_t)));
}
BENCHMARK(BM_HashPrompt)->ArgName("tokens")->Arg(256)->Arg(32768);

// The whole prompt is held, so that no lookup ends early; among the blocks of other prompts.
void BM_MatchPrompt(benchmark::State& state) {
  LruHashSet held(31250);
  for (uint32_t prompt = 0; held.size() < 30000; ++prompt) {
    for (const uint64_t hash : hashes_of(32768, prompt * 100000))
      held.touch(hash);
  }
  const std::vector<uint64_t> hashes = hashes_of(static_cast<std::size_t>(state.range(0)), 0);
  for (auto _ : state) {
    int64_t blocks = 0;
    for (const uint64_t hash : hashes)
      blocks += held.contains(hash) ? 1 : 0;
    benchmark::DoNotOptimize(blocks);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(hashes.size()));
}
BENCHMARK(BM_MatchPrompt)->ArgName("tokens")->Arg(256)->Arg(32768);

// A full set: each new block drops an old one.
void BM_RecordNewBlocks(benchmark::State& state) {
  LruHashSet held(31250);
  uint64_t hash = 0x9e3779b97f4a7c15;
  const auto next = [&hash] { return hash = hash * 6364136223846793005U + 1442695040888963407U; };
  while (held.size() < held.capacity())
    held.touch(next());
  for (auto _ : state)
    held.touch(next());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_RecordNewBlocks);

}  // namespace
}  // namespace epp::builtin
