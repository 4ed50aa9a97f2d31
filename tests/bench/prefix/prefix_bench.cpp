// The estimate of cached prefixes: hashing a prompt, and looking its blocks up.
#include "../../../plugins/common/lru_hash_set.h"
#include "../../../plugins/common/prefix_hash.h"
#include "../../../plugins/producers/approx-prefix-cache-producer/prefix_index.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <thread>
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

epp_endpoint endpoint(uint32_t slot) {
  epp_endpoint made{};
  made.size = sizeof made;
  made.slot = slot;
  made.uid = slot + uint64_t{1};
  made.id = {"pod", 3};
  return made;
}

PrefixChains chains_of(std::size_t tokens, uint32_t first_token) {
  PrefixChains chains;
  chains.hashes = hashes_of(tokens, first_token);
  chains.ends = {chains.hashes.size()};
  return chains;
}

constexpr uint32_t kEndpoints = 2000;

// A system prompt of 1024 tokens that every endpoint holds, before one of these lengths that is new: the search that a
// request makes, by as many threads.
class PrefixIndexBench : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    index = std::make_unique<PrefixIndex>();
    for (uint32_t slot = 0; slot < kEndpoints; ++slot) {
      index->add(endpoint(slot));
      index->record(endpoint(slot), chains_of(1024, 0), 31250);
    }
  }
  void TearDown(const benchmark::State& state) override {
    if (state.thread_index() == 0) index.reset();
  }

  std::unique_ptr<PrefixIndex> index;
};

BENCHMARK_DEFINE_F(PrefixIndexBench, FindMatches)(benchmark::State& state) {
  const PrefixChains wanted = chains_of(static_cast<std::size_t>(state.range(0)), 0);
  std::vector<epp_endpoint> candidates;
  for (uint32_t slot = 0; slot < kEndpoints; ++slot)
    candidates.push_back(endpoint(slot));
  SlotBits holders;
  for (auto _ : state) {
    int64_t blocks = 0;
    index->find_holders(wanted, holders);
    const PrefixIndex::Reading reading(*index);
    for (const epp_endpoint& candidate : candidates) {
      if (holders.contains(candidate.slot)) blocks += reading.match(candidate, wanted);
    }
    benchmark::DoNotOptimize(blocks);
  }
}
BENCHMARK_REGISTER_F(PrefixIndexBench, FindMatches)
    ->ArgName("tokens")
    ->Arg(64)
    ->Arg(2048)
    ->ThreadRange(1, 2)
    ->UseRealTime();

// How long others wait for an endpoint that leaves with a full memory: the longest of their searches.
void BM_LongestSearchWhileAnEndpointLeaves(benchmark::State& state) {
  PrefixIndex index;
  const epp_endpoint stays = endpoint(0);
  const PrefixChains wanted = chains_of(64, 0);
  index.add(stays);
  index.record(stays, wanted, 31250);
  std::mt19937_64 random(3);
  std::vector<double> longest;
  for (auto _ : state) {
    state.PauseTiming();
    PrefixChains many;
    for (std::size_t i = 0; i < 31250; ++i) {
      many.hashes.push_back(random());
      many.ends.push_back(i + 1);
    }
    index.add(endpoint(1));
    index.record(endpoint(1), many, 31250);
    std::atomic<bool> begun{false};
    std::atomic<bool> left{false};
    double most = 0;
    std::thread searcher([&] {
      while (!left) {
        const auto began = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(PrefixIndex::Reading(index).match(stays, wanted));
        most =
            std::max(most, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
        begun = true;
      }
    });
    while (!begun)
      std::this_thread::yield();
    state.ResumeTiming();
    index.remove(endpoint(1));
    state.PauseTiming();
    left = true;
    searcher.join();
    longest.push_back(most);
    state.ResumeTiming();
  }
  std::nth_element(longest.begin(), longest.begin() + static_cast<std::ptrdiff_t>(longest.size() / 2), longest.end());
  state.counters["search_us"] = longest[longest.size() / 2];
}
BENCHMARK(BM_LongestSearchWhileAnEndpointLeaves)->Iterations(50)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace epp::builtin
