#include "kube/access/expiring_cache.h"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace epp::kube {
namespace {

using Cache = ExpiringCache<int>;

Cache::TimePoint at(int second) {
  return Cache::TimePoint(std::chrono::seconds(second));
}

TEST(ExpiringCache, AnswersUntilTheirEnd) {
  Cache cache(4);
  cache.put("a", 1, at(10));
  EXPECT_EQ(cache.get("a", at(9)), 1);
  EXPECT_EQ(cache.get("a", at(10)), std::nullopt);
  EXPECT_EQ(cache.size(), 0U) << "what is over takes no room";
}

TEST(ExpiringCache, APutReplaces) {
  Cache cache(4);
  cache.put("a", 1, at(10));
  cache.put("a", 2, at(20));
  EXPECT_EQ(cache.get("a", at(15)), 2);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(ExpiringCache, TheOneNotAskedForLongestGoes) {
  Cache cache(2);
  cache.put("a", 1, at(10));
  cache.put("b", 2, at(10));
  EXPECT_EQ(cache.get("a", at(1)), 1);
  cache.put("c", 3, at(10));
  EXPECT_EQ(cache.get("b", at(1)), std::nullopt);
  EXPECT_EQ(cache.get("a", at(1)), 1);
  EXPECT_EQ(cache.get("c", at(1)), 3);
  EXPECT_EQ(cache.size(), 2U);
}

}  // namespace
}  // namespace epp::kube
