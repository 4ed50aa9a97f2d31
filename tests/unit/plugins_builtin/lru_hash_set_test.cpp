// The bounded hash set against a plain model of it.
#include "common/lru_hash_set.h"

#include <algorithm>
#include <cstdint>
#include <list>
#include <random>

#include <gtest/gtest.h>

namespace {

using epp::builtin::LruHashSet;

TEST(LruHashSet, ForgetsTheOldest) {
  LruHashSet set(2);
  set.touch(1);
  set.touch(2);
  set.touch(1);
  set.touch(3);
  EXPECT_TRUE(set.contains(1));
  EXPECT_FALSE(set.contains(2));
  EXPECT_TRUE(set.contains(3));
  EXPECT_EQ(set.size(), 2u);
}

TEST(LruHashSet, CapacityOfOne) {
  LruHashSet set(1);
  for (uint64_t hash = 0; hash < 100; ++hash) {
    set.touch(hash);
    EXPECT_TRUE(set.contains(hash));
    EXPECT_EQ(hash != 0 && set.contains(hash - 1), false);
  }
  EXPECT_EQ(set.size(), 1u);
}

// Hashes from a small range of low bits collide all the time and cross the end of the table.
TEST(LruHashSet, AgreesWithAModel) {
  std::mt19937_64 random(7);
  for (const uint32_t capacity : {1u, 3u, 51u, 52u, 500u}) {
    LruHashSet set(capacity);
    std::list<uint64_t> model;  // newest first
    for (int step = 0; step < 20000; ++step) {
      const uint64_t hash = ((random() % 8) << 32) | (random() % 97) | (random() % 4 == 0 ? 0xfffffff0u : 0u);
      const auto at = std::find(model.begin(), model.end(), hash);
      ASSERT_EQ(set.contains(hash), at != model.end());
      if (at != model.end()) model.erase(at);
      model.push_front(hash);
      if (model.size() > capacity) {
        const uint64_t dropped = model.back();
        model.pop_back();
        set.touch(hash);
        ASSERT_FALSE(set.contains(dropped));
      } else {
        set.touch(hash);
      }
      ASSERT_EQ(set.size(), model.size());
    }
    for (const uint64_t hash : model)
      ASSERT_TRUE(set.contains(hash));
  }
}

}  // namespace
