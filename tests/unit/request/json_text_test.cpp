#include "request/json_text.h"

#include "request/json_canonical.h"

#include <cmath>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

std::string printed(double value) {
  std::string out;
  append_double(out, value);
  return out;
}

std::string literal(std::string_view text, HtmlEscape html) {
  std::string out;
  append_json_string(out, text, html);
  return out;
}

TEST(JsonText, DoublesAsGoPrintsThem) {
  EXPECT_EQ(printed(0), "0");
  EXPECT_EQ(printed(-0.0), "-0");
  EXPECT_EQ(printed(1), "1");
  EXPECT_EQ(printed(-1.5), "-1.5");
  EXPECT_EQ(printed(100), "100");
  EXPECT_EQ(printed(12345678901234567890.0), "12345678901234567000");
  EXPECT_EQ(printed(1e20), "100000000000000000000");
  EXPECT_EQ(printed(1e21), "1e+21");
  EXPECT_EQ(printed(1.25e22), "1.25e+22");
  EXPECT_EQ(printed(1e-6), "0.000001");
  EXPECT_EQ(printed(1e-7), "1e-7");
  EXPECT_EQ(printed(-1.5e-10), "-1.5e-10");
  EXPECT_EQ(printed(0.1), "0.1");
  EXPECT_EQ(printed(123.456), "123.456");
  EXPECT_EQ(printed(5e-324), "5e-324");
  EXPECT_EQ(printed(1.7976931348623157e308), "1.7976931348623157e+308");
}

TEST(JsonText, DoublesOutOfRange) {
  EXPECT_EQ(parse_double("1e309"), HUGE_VAL);
  EXPECT_EQ(parse_double("-1e309"), -HUGE_VAL);
  EXPECT_EQ(parse_double("1e99999999999999999999"), HUGE_VAL);
  EXPECT_EQ(parse_double("1e-99999999999999999999"), 0);
  EXPECT_EQ(parse_double("0.00001e400"), HUGE_VAL);
  EXPECT_EQ(parse_double("100000e-400"), 0);
  EXPECT_TRUE(std::signbit(parse_double("-1e-400")));
  EXPECT_EQ(parse_double("0e999"), 0);
  EXPECT_EQ(parse_double(std::string(400, '9')), HUGE_VAL);
}

TEST(JsonText, StringLiterals) {
  EXPECT_EQ(literal("a\"\\\b\f\n\r\t\x01\x7f", HtmlEscape::kNo), "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\"");
  EXPECT_EQ(literal("<&>\xe2\x80\xa8\xe2\x80\xa9", HtmlEscape::kNo), "\"<&>\xe2\x80\xa8\xe2\x80\xa9\"");
  EXPECT_EQ(literal("<&>\xe2\x80\xa8\xe2\x80\xa9", HtmlEscape::kYes), "\"\\u003c\\u0026\\u003e\\u2028\\u2029\"");
  EXPECT_EQ(literal("\xff", HtmlEscape::kYes), "\"\\ufffd\"");
  EXPECT_EQ(literal("\xef\xbf\xbd", HtmlEscape::kYes), "\"\xef\xbf\xbd\"");
}

TEST(JsonText, DecodingKeepsViewsWherePossible) {
  Arena arena;
  const std::string_view plain = "na\xc3\xafve";
  EXPECT_EQ(decode_string({.raw = plain, .escaped = false, .non_ascii = true}, arena).data(), plain.data());
  EXPECT_EQ(decode_string({.raw = "a\\u00e9\\ud83d\\ude00\\/\xff", .escaped = true, .non_ascii = true}, arena),
            "a\xc3\xa9\xf0\x9f\x98\x80/\xef\xbf\xbd");
  std::string out = "x";
  append_decoded(out, {.raw = "\\ud800\\u0041", .escaped = true, .non_ascii = false});
  EXPECT_EQ(out, "x\xef\xbf\xbd\x41");
}

TEST(JsonText, KeysMatchWithoutRegardToCase) {
  EXPECT_TRUE(key_matches("messages", "messages"));
  EXPECT_TRUE(key_matches("MessaGES", "messages"));
  EXPECT_TRUE(key_matches("me\xc5\xbfsages", "messages"));  // U+017F
  EXPECT_TRUE(
      key_matches("to\xe2\x84\xaa"
                  "en_ids",
                  "token_ids"));  // U+212A
  EXPECT_FALSE(key_matches("message", "messages"));
  EXPECT_FALSE(key_matches("messagess", "messages"));
  EXPECT_FALSE(key_matches("", "n"));
  EXPECT_FALSE(key_matches("chat\x7ftemplate", "chat_template"));
}

TEST(JsonText, CompactKeepsOrderAndLiterals) {
  std::string out;
  append_compact(out, " { \"b\" : 1.0 ,\n\"a\\\" b\":[ \"< x\" , \"\xe2\x80\xa9\" ] } ");
  EXPECT_EQ(out, "{\"b\":1.0,\"a\\\" b\":[\"\\u003c x\",\"\\u2029\"]}");
}

TEST(JsonText, CanonicalWithMemberReplacesEveryDuplicate) {
  std::string out;
  append_canonical_with(out, R"({"z":[true, null],"model":1,"a":{"d":1,"c":2},"model":"y"})", "model", "n\"<");
  EXPECT_EQ(out, R"({"a":{"c":2,"d":1},"model":"n\"\u003c","z":[true,null]})");
}

}  // namespace
}  // namespace epp::request
