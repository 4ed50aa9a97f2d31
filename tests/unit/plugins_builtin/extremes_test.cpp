#include "common/extremes.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace epp::builtin {
namespace {

// Each place of each length once holds the smallest and once the largest.
TEST(Extremes, FindsThemWhereverTheyAre) {
  for (size_t count = 1; count <= 40; ++count) {
    for (size_t place = 0; place < count; ++place) {
      std::vector<double> values(count, 5);
      values[place] = -3;
      EXPECT_EQ(extremes(values).min, -3) << place << " of " << count;
      EXPECT_EQ(extremes(values).max, count == 1 ? -3 : 5) << place << " of " << count;
      values[place] = 8;
      EXPECT_EQ(extremes(values).min, count == 1 ? 8 : 5) << place << " of " << count;
      EXPECT_EQ(extremes(values).max, 8) << place << " of " << count;
    }
  }
}

TEST(Extremes, InfinityIsANumber) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {1, kInfinity, 2, -kInfinity};
  EXPECT_EQ(extremes(values).min, -kInfinity);
  EXPECT_EQ(extremes(values).max, kInfinity);
}

}  // namespace
}  // namespace epp::builtin
