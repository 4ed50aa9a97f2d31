#include "endpoints/slot_pool.h"

#include <chrono>

#include <gtest/gtest.h>

namespace epp::endpoints {
namespace {

TEST(SlotPool, GivesFreshSlotsWhileOthersRest) {
  SlotPool pool(3, std::chrono::hours(1));
  EXPECT_EQ(pool.take(), 0u);
  EXPECT_EQ(pool.take(), 1u);
  pool.give_back(0);
  EXPECT_EQ(pool.take(), 2u) << "slot 0 rests";
  EXPECT_EQ(pool.take(), 0u) << "nothing else is left";
  EXPECT_EQ(pool.take(), std::nullopt);
}

TEST(SlotPool, ReusesTheOneFreedLongestAgo) {
  SlotPool pool(8, std::chrono::nanoseconds(0));
  for (uint32_t slot = 0; slot < 3; ++slot)
    ASSERT_EQ(pool.take(), slot);
  pool.give_back(2);
  pool.give_back(1);
  EXPECT_EQ(pool.take(), 2u);
  EXPECT_EQ(pool.take(), 1u);
  EXPECT_EQ(pool.take(), 3u);
}

TEST(SlotPool, KnowsOwners) {
  SlotPool pool(2, std::chrono::nanoseconds(0));
  const auto slot = pool.take();
  ASSERT_TRUE(slot);
  EXPECT_EQ(pool.owner(*slot), 0u);
  pool.own(*slot, 42);
  EXPECT_EQ(pool.owner(*slot), 42u);
  pool.give_back(*slot);
  EXPECT_EQ(pool.owner(*slot), 0u);
  EXPECT_EQ(pool.owner(99), 0u);
}

}  // namespace
}  // namespace epp::endpoints
