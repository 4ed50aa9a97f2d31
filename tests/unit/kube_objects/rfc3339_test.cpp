#include "kube/rfc3339.h"

#include <gtest/gtest.h>

namespace epp::kube {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Rfc3339, Reads) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2025-01-02T03:04:05Z"), 1735787045 * kSecond);
  EXPECT_EQ(parse_rfc3339("2025-01-02t03:04:05z"), 1735787045 * kSecond);
  EXPECT_EQ(parse_rfc3339("2025-01-02T03:04:05.000001Z"), 1735787045 * kSecond + 1000);
  EXPECT_EQ(parse_rfc3339("2025-01-02T03:04:05.123456789Z"), 1735787045 * kSecond + 123456789);
  EXPECT_EQ(parse_rfc3339("2025-01-02T05:34:05+02:30"), 1735787045 * kSecond);
  EXPECT_EQ(parse_rfc3339("2025-01-01T23:04:05-04:00"), 1735787045 * kSecond);
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), 1709164800 * kSecond);
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59Z"), -kSecond);
  EXPECT_TRUE(parse_rfc3339("1678-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("2261-12-31T23:59:60.999999999-23:59"));
}

TEST(Rfc3339, Refuses) {
  for (const char* text : {"",
                           "2025",
                           "2025-01-02",
                           "2025-01-02T03:04:05",
                           "2025-01-02 03:04:05Z",
                           "2025-13-02T03:04:05Z",
                           "2025-02-29T03:04:05Z",
                           "2025-01-00T03:04:05Z",
                           "2025-01-02T24:04:05Z",
                           "2025-01-02T03:60:05Z",
                           "2025-01-02T03:04:61Z",
                           "2025-01-02T03:04:05.Z",
                           "2025-01-02T03:04:05.1234567890Z",
                           "2025-01-02T03:04:05Zx",
                           "2025-01-02T03:04:05+0200",
                           "2025-01-02T03:04:05+24:00",
                           "2025-1-2T03:04:05Z",
                           "1677-12-31T23:59:59Z",
                           "2262-01-01T00:00:00Z",
                           "0001-01-01T00:00:00Z",
                           "-025-01-02T03:04:05Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace epp::kube
