// The index behind the estimate of cached prefixes: whoever matches is found by the first block of a prompt.
#include "../../../plugins/producers/approx-prefix-cache-producer/prefix_index.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::builtin {
namespace {

epp_endpoint endpoint(uint32_t slot, uint64_t uid) {
  static const std::string kId = "pod";
  epp_endpoint made{};
  made.size = sizeof made;
  made.slot = slot;
  made.uid = uid;
  made.id = {kId.data(), kId.size()};
  return made;
}

PrefixChains chains(const std::vector<std::vector<uint64_t>>& prompts) {
  PrefixChains made;
  for (const auto& prompt : prompts) {
    made.hashes.insert(made.hashes.end(), prompt.begin(), prompt.end());
    made.ends.push_back(made.hashes.size());
  }
  return made;
}

bool held(const PrefixIndex& index, const PrefixChains& wanted, uint32_t slot) {
  SlotBits holders;
  index.find_holders(wanted, holders);
  return holders.contains(slot);
}

int64_t match(const PrefixIndex& index, const epp_endpoint& endpoint, const PrefixChains& wanted) {
  return PrefixIndex::Reading(index).match(endpoint, wanted);
}

TEST(SlotBits, VisitsThoseBetween) {
  SlotBits bits;
  for (const uint32_t slot : {0u, 5u, 63u, 64u, 127u, 128u, 200u})
    bits.insert(slot);
  const auto between = [&](uint32_t first, uint32_t end) {
    std::vector<uint32_t> visited;
    bits.for_each_between(first, end, [&](uint32_t slot) { visited.push_back(slot); });
    return visited;
  };
  using Slots = std::vector<uint32_t>;
  EXPECT_EQ(between(0, 1000), (Slots{0, 5, 63, 64, 127, 128, 200}));
  EXPECT_EQ(between(5, 128), (Slots{5, 63, 64, 127}));
  EXPECT_EQ(between(64, 64), Slots{});
  EXPECT_EQ(between(201, 5000), Slots{});
  EXPECT_EQ(between(900, 901), Slots{});
  bits.clear();
  EXPECT_EQ(between(0, 1000), Slots{});
}

TEST(PrefixIndex, FindsWhoHoldsTheFirstBlock) {
  PrefixIndex index;
  const epp_endpoint a = endpoint(3, 1);
  const epp_endpoint b = endpoint(200, 2);
  index.add(a);
  index.add(b);
  index.record(a, chains({{10, 11, 12}}), 100);
  index.record(b, chains({{10, 21}, {30}}), 100);
  const PrefixChains wanted = chains({{10, 11, 99}, {30, 31}});
  EXPECT_TRUE(held(index, wanted, 3));
  EXPECT_TRUE(held(index, wanted, 200));
  EXPECT_FALSE(held(index, wanted, 4));
  EXPECT_EQ(match(index, a, wanted), 2);
  EXPECT_EQ(match(index, b, wanted), 2);
  // In the middle of a prompt a block is no beginning of another.
  EXPECT_FALSE(held(index, chains({{11}}), 3));
}

TEST(PrefixIndex, AnotherEndpointInTheSlotBeginsAnew) {
  PrefixIndex index;
  index.add(endpoint(3, 1));
  index.record(endpoint(3, 1), chains({{10}}), 100);
  index.remove(endpoint(3, 1));
  EXPECT_FALSE(held(index, chains({{10}}), 3));
  index.add(endpoint(3, 2));
  index.record(endpoint(3, 1), chains({{10}}), 100);  // too late
  EXPECT_FALSE(held(index, chains({{10}}), 3));
  index.record(endpoint(3, 2), chains({{10}}), 100);
  index.add(endpoint(3, 4));  // in its place
  EXPECT_FALSE(held(index, chains({{10}}), 3));
}

TEST(PrefixIndex, AChainLongerThanTheMemoryKeepsItsBeginning) {
  PrefixIndex index;
  index.add(endpoint(0, 1));
  for (int i = 0; i < 3; ++i)
    index.record(endpoint(0, 1), chains({{1, 2, 3, 4, 5}}), 2);
  const PrefixChains wanted = chains({{1, 2, 3}});
  EXPECT_TRUE(held(index, wanted, 0));
  EXPECT_EQ(match(index, endpoint(0, 1), wanted), 2);
}

// Whatever is recorded and forgotten: exactly those who hold a first block are found by it.
TEST(PrefixIndex, HoldersAreThoseThatMatch) {
  constexpr uint32_t kSlots = 5;
  constexpr uint32_t kCapacity = 12;
  std::mt19937 random(7);
  PrefixIndex index;
  std::vector<uint64_t> uids(kSlots);
  uint64_t last_uid = 0;
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    index.add(endpoint(slot, uids[slot] = ++last_uid));
  // The blocks of prompt p are p * 100, p * 100 + 1, ...
  const auto prompt = [&](uint64_t p, std::size_t blocks) {
    std::vector<uint64_t> made;
    for (std::size_t i = 0; i < blocks; ++i)
      made.push_back(p * 100 + i);
    return made;
  };
  for (int step = 0; step < 5000; ++step) {
    const auto slot = static_cast<uint32_t>(random() % kSlots);
    if (random() % 50 == 0) {
      index.remove(endpoint(slot, uids[slot]));
      index.add(endpoint(slot, uids[slot] = ++last_uid));
    }
    std::vector<std::vector<uint64_t>> prompts = {prompt(1 + random() % 6, 1 + random() % 8)};
    if (random() % 3 == 0) prompts.push_back(prompt(1 + random() % 6, random() % 4));
    index.record(endpoint(slot, uids[slot]), chains(prompts), kCapacity);
    for (uint64_t p = 1; p <= 6; ++p) {
      const PrefixChains wanted = chains({prompt(p, 3)});
      for (uint32_t at = 0; at < kSlots; ++at)
        ASSERT_EQ(held(index, wanted, at), match(index, endpoint(at, uids[at]), wanted) > 0) << "step " << step;
    }
  }
}

// Endpoints leave and come while others are searched and recorded: what is found in the end is what is held.
TEST(PrefixIndex, HoldersAreRightWhileEndpointsComeAndGo) {
  constexpr uint32_t kSlots = 4;
  PrefixIndex index;
  std::vector<std::vector<uint64_t>> prompts;
  for (uint64_t head = 1; head <= 300; ++head)
    prompts.push_back({head << 56 | head, head});
  const PrefixChains all = chains(prompts);
  std::vector<std::atomic<uint64_t>> uids(kSlots);
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    index.add(endpoint(slot, uids[slot] = 1));
  std::atomic<bool> churning{true};
  std::thread worker([&] {
    SlotBits holders;
    for (uint32_t slot = 0; churning; slot = (slot + 1) % kSlots) {
      index.record(endpoint(slot, uids[slot]), all, 1000);
      index.find_holders(all, holders);
      EXPECT_LE(match(index, endpoint(slot, uids[slot]), all), 600);
    }
  });
  for (int round = 0; round < 200; ++round) {
    const auto slot = static_cast<uint32_t>(round) % kSlots;
    index.remove(endpoint(slot, uids[slot]));
    index.add(endpoint(slot, ++uids[slot]));
  }
  churning = false;
  worker.join();
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    for (const auto& prompt : prompts) {
      const PrefixChains wanted = chains({prompt});
      ASSERT_EQ(held(index, wanted, slot), match(index, endpoint(slot, uids[slot]), wanted) > 0) << "slot " << slot;
    }
    index.remove(endpoint(slot, uids[slot]));
    EXPECT_FALSE(held(index, all, slot));
  }
}

}  // namespace
}  // namespace epp::builtin
