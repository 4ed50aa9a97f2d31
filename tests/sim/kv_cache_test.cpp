#include "sim/kv_cache.h"

#include <gtest/gtest.h>

namespace epp::sim {
namespace {

using Chain = std::vector<BlockHash>;

KvLease computed(KvCache& cache, const Chain& chain, std::size_t total) {
  KvLease lease = cache.acquire(chain, total).value();
  cache.publish(lease, chain);
  return lease;
}

TEST(KvCache, SharesThePrefixOfAnEarlierSequence) {
  KvCache cache(8);
  const KvLease first = computed(cache, {1, 2, 3}, 4);
  EXPECT_EQ(cache.match(Chain{1, 2, 9}), 2U);
  const KvLease second = computed(cache, {1, 2, 9}, 4);
  EXPECT_EQ(second.cached, 2U);
  EXPECT_EQ(second.blocks[0], first.blocks[0]);
  EXPECT_EQ(second.blocks[1], first.blocks[1]);
  EXPECT_NE(second.blocks[2], first.blocks[2]);
  EXPECT_EQ(cache.used_blocks(), 6U);
}

TEST(KvCache, FindsNothingBeforeItIsComputed) {
  KvCache cache(8);
  const KvLease lease = cache.acquire(Chain{1, 2}, 2).value();
  EXPECT_EQ(cache.match(Chain{1, 2}), 0U);
  cache.publish(lease, Chain{1, 2});
  EXPECT_EQ(cache.match(Chain{1, 2}), 2U);
}

TEST(KvCache, KeepsReleasedBlocksUntilTheRoomIsNeeded) {
  KvCache cache(4);
  cache.release(computed(cache, {1, 2}, 2));
  EXPECT_EQ(cache.used_blocks(), 0U);
  EXPECT_EQ(cache.match(Chain{1, 2}), 2U);

  cache.release(computed(cache, {7, 8, 9}, 3));
  // Two blocks were empty, so one had to go: the end of the older prefix, not its beginning.
  EXPECT_EQ(cache.match(Chain{1, 2}), 1U);
  EXPECT_EQ(cache.match(Chain{7, 8, 9}), 3U);
}

TEST(KvCache, UseRefreshes) {
  KvCache cache(4);
  cache.release(computed(cache, {1, 2}, 2));
  cache.release(computed(cache, {7, 8}, 2));
  cache.release(computed(cache, {1, 2}, 2));
  cache.release(computed(cache, {5, 6}, 2));
  EXPECT_EQ(cache.match(Chain{1, 2}), 2U);
  EXPECT_EQ(cache.match(Chain{7, 8}), 0U);
}

TEST(KvCache, RefusesWhatDoesNotFitAndTakesNothing) {
  KvCache cache(4);
  cache.release(computed(cache, {1, 2}, 2));
  const KvLease other = cache.acquire({}, 2).value();
  // Both cached blocks are free, but they are needed as what they are.
  EXPECT_FALSE(cache.acquire(Chain{1, 2}, 3).has_value());
  EXPECT_EQ(cache.used_blocks(), 2U);
  EXPECT_EQ(cache.match(Chain{1, 2}), 2U);
  EXPECT_TRUE(cache.acquire(Chain{1, 2}, 2).has_value());
}

TEST(KvCache, GrowsBlockByBlockUntilFull) {
  KvCache cache(2);
  KvLease lease = cache.acquire({}, 1).value();
  EXPECT_TRUE(cache.grow(lease));
  EXPECT_FALSE(cache.grow(lease));
  EXPECT_EQ(lease.blocks.size(), 2U);
  cache.release(std::move(lease));
  EXPECT_EQ(cache.used_blocks(), 0U);
}

TEST(KvCache, EqualContentComputedTwiceIsFoundOnceAndFreedTwice) {
  KvCache cache(4);
  KvLease a = cache.acquire(Chain{1}, 1).value();
  KvLease b = cache.acquire(Chain{1}, 1).value();
  cache.publish(a, Chain{1});
  cache.publish(b, Chain{1});
  EXPECT_EQ(cache.cached_blocks(), 1U);
  cache.release(std::move(a));
  cache.release(std::move(b));
  EXPECT_EQ(cache.used_blocks(), 0U);
  EXPECT_TRUE(cache.acquire({}, 4).has_value());
  EXPECT_EQ(cache.cached_blocks(), 0U);
}

}  // namespace
}  // namespace epp::sim
