// What keeps requests apart, and the token that they carry.
#include "kube/backoff.h"
#include "kube/cluster_config.h"
#include "kube/encoding.h"
#include "kube/rate_limiter.h"
#include "kube/token_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace epp::kube {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using TimePoint = std::chrono::steady_clock::time_point;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(RateLimiterTest, LetsABurstGoAndSpacesTheRest) {
  RateLimiter limiter(10, 3);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(limiter.reserve(kStart).count(), 0) << i;
  EXPECT_NEAR(std::chrono::duration<double>(limiter.reserve(kStart)).count(), 0.1, 1e-6);
  EXPECT_NEAR(std::chrono::duration<double>(limiter.reserve(kStart)).count(), 0.2, 1e-6);
  // Half a second pays for five: three that were sent, two that were booked.
  EXPECT_EQ(limiter.reserve(kStart + milliseconds(500)).count(), 0);
}

TEST(RateLimiterTest, SavesNoMoreThanABurst) {
  RateLimiter limiter(10, 2);
  EXPECT_EQ(limiter.reserve(kStart).count(), 0);
  const TimePoint later = kStart + std::chrono::hours(1);
  EXPECT_EQ(limiter.reserve(later).count(), 0);
  EXPECT_EQ(limiter.reserve(later).count(), 0);
  EXPECT_GT(limiter.reserve(later).count(), 0);
  EXPECT_GT(limiter.reserve(later - seconds(1)).count(), 0) << "a clock read earlier takes nothing back";
}

TEST(RateLimiterTest, MayBeOff) {
  RateLimiter limiter(0, 1);
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(limiter.reserve(kStart).count(), 0);
}

TEST(BackoffTest, DoublesToItsLimitWithinItsJitter) {
  Backoff longest(milliseconds(200), milliseconds(2000));
  Backoff shortest(milliseconds(200), milliseconds(2000));
  TimePoint now = kStart;
  for (const int expected : {200, 400, 800, 1600, 2000, 2000}) {
    EXPECT_NEAR(static_cast<double>(longest.next(now, [] { return 0.9999; }).count()), expected, 1);
    EXPECT_EQ(shortest.next(now, [] { return 0.0; }).count(), expected / 2);
    now += seconds(1);
  }
}

TEST(BackoffTest, BeginsAgainAfterAGoodTime) {
  Backoff backoff(milliseconds(200), milliseconds(30'000));
  const auto next = [&](TimePoint now) { return backoff.next(now, [] { return 0.0; }).count(); };
  EXPECT_EQ(next(kStart), 100);
  EXPECT_EQ(next(kStart + seconds(119)), 200);
  EXPECT_EQ(next(kStart + seconds(240)), 100) << "two minutes without a failure";
  EXPECT_EQ(next(kStart + seconds(241)), 200);
  backoff.reset();
  EXPECT_EQ(next(kStart + seconds(242)), 100);
}

TEST(EncodingTest, Base64) {
  const std::pair<const char*, const char*> pairs[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  EXPECT_EQ(decode_base64(" Zm9v\nYmFy\r\n"), "foobar");
  EXPECT_EQ(encode_base64("\xff\xfe\xfd"), "//79");
  for (const char* bad : {"Zg", "Zg=", "Zg===", "Z", "Zm9v=", "Zm9v!", "Zg==Zg=="})
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
}

class TokenFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "epp-token-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
  }
  void TearDown() override { fs::remove_all(root); }
  void write(const std::string& text) { std::ofstream(file()) << text; }
  std::string file() const { return (root / "token").string(); }

  fs::path root;
};

TEST_F(TokenFileTest, IsReadAgainAsItAges) {
  write("one\n");
  TokenFile token(file(), seconds(50), kStart);
  EXPECT_EQ(token.token(kStart), "one");
  write("two\n");
  EXPECT_EQ(token.token(kStart + seconds(49)), "one");
  EXPECT_EQ(token.token(kStart + seconds(50)), "two");
}

TEST_F(TokenFileTest, KeepsTheOldOneWhenTheFileIsBad) {
  write("one");
  TokenFile token(file(), seconds(50), kStart);
  fs::remove(file());
  EXPECT_EQ(token.token(kStart + seconds(60)), "one");
  EXPECT_FALSE(token.refused("one", kStart + seconds(60)));
  write(" \n");
  EXPECT_EQ(token.token(kStart + seconds(61)), "one");
  write("a\nb");
  EXPECT_EQ(token.token(kStart + seconds(62)), "one") << "no header can carry it";
  write("two");
  EXPECT_EQ(token.token(kStart + seconds(63)), "two") << "a failed read does not count as one";
}

TEST_F(TokenFileTest, IsReadAtOnceWhenRefused) {
  write("one");
  TokenFile token(file(), seconds(50), kStart);
  EXPECT_FALSE(token.refused("one", kStart)) << "nothing better is at hand";
  write("two");
  EXPECT_TRUE(token.refused("one", kStart));
  EXPECT_EQ(token.token(kStart), "two");
  write("three");
  EXPECT_TRUE(token.refused("one", kStart)) << "another call has already seen to it";
  EXPECT_EQ(token.token(kStart), "two");
}

TEST_F(TokenFileTest, MustHoldOneAtTheStart) {
  EXPECT_THROW(TokenFile(file(), seconds(50), kStart), ConfigError);
  write("");
  EXPECT_THROW(TokenFile(file(), seconds(50), kStart), ConfigError);
  write(std::string(1u << 20, 'x'));
  EXPECT_THROW(TokenFile(file(), seconds(50), kStart), ConfigError);
}

}  // namespace
}  // namespace epp::kube
