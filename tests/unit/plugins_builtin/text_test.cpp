// Small helpers that the built-in plugins share.
#include "common/text.h"

#include "common/base64.h"
#include "common/label_selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace epp::builtin;
using ::testing::ElementsAre;

TEST(Base64, RoundTrip) {
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    const std::string encoded = base64_encode(text);
    EXPECT_EQ(base64_decode(encoded), text);
  }
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("\xff\xfe"), "//4=");
}

TEST(Base64, RefusesOtherText) {
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v!mFy", "Zm=v"})
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
}

TEST(Text, Trim) {
  EXPECT_EQ(trim("  a b\t\r\n"), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, Split) {
  std::vector<std::string> items;
  split(" a, b ,,c,", ',', [&](std::string_view item) { items.emplace_back(item); });
  EXPECT_THAT(items, ElementsAre("a", "b", "c"));
}

TEST(Text, JsonQuote) {
  EXPECT_EQ(json_quote("a\"b\\c\n\x01"), R"("a\"b\\c\u000a\u0001")");
  EXPECT_EQ(json_quote("\xc3\xa9"), "\"\xc3\xa9\"");
}

TEST(LabelSyntax, Keys) {
  for (const char* good : {"a", "a.b_c-d", "kubernetes.io/name", "x/Y"})
    EXPECT_TRUE(is_label_key(good)) << good;
  for (const char* bad : {"", "-a", "a-", "/a", "a/", "a/b/c", "UP/a", "a..b/c", "a b"})
    EXPECT_FALSE(is_label_key(bad)) << bad;
  EXPECT_TRUE(is_label_key(std::string(63, 'a')));
  EXPECT_FALSE(is_label_key(std::string(64, 'a')));
}

}  // namespace
