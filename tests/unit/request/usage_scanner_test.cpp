#include "request/usage_scanner.h"

#include "request/json_reader.h"
#include "unit/request/splitting.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view document;
  std::string_view error;
  std::string_view printed;
};

constexpr Case kCases[] = {
#include "json_cases.inc"
};

bool accepted(std::string_view document) {
  JsonReader json(document);
  json.skip();
  return json.finish();
}

TEST(UsageScanner, AcceptsWhatTheReaderAccepts) {
  UsageScanner scanner;
  for (const Case& c : kCases) {
    for (const auto& chunks : splits_of(c.document)) {
      scanner.reset();
      for (std::string_view chunk : chunks)
        scanner.feed(chunk);
      ASSERT_EQ(scanner.complete(), accepted(c.document)) << c.document;
    }
  }
}

TEST(UsageScanner, DepthLimit) {
  for (std::size_t depth : {10000u, 10001u}) {
    UsageScanner scanner;
    scanner.feed(std::string(depth, '['));
    scanner.feed(std::string(depth, ']'));
    EXPECT_EQ(scanner.complete(), depth == 10000u);
  }
}

TEST(UsageScanner, KeepsTheLastOfEachValue) {
  const std::string_view document =
      R"({"type":"a", "usage": {"x":[1, {"usage":2}]} ,"response":{"a":{"usage":3},"usage":4.50 ,"b":[{"usage":5}]},)"
      R"("message":{"usage":{"y":6}},"type":"\u0062","other":{"usage":7},"message":{"z":8},"resp\u006fnse":[{"usage":9}]})";
  for (const auto& chunks : splits_of(document)) {
    UsageScanner scanner;
    for (std::string_view chunk : chunks)
      scanner.feed(chunk);
    ASSERT_TRUE(scanner.complete());
    ASSERT_EQ(scanner.value(UsageScanner::kType), R"("\u0062")");
    ASSERT_EQ(scanner.value(UsageScanner::kUsage), R"({"x":[1, {"usage":2}]})");
    ASSERT_EQ(scanner.value(UsageScanner::kMessageUsage), "");
    ASSERT_EQ(scanner.value(UsageScanner::kResponseUsage), "");
  }
  UsageScanner scanner;
  scanner.feed(R"({"response":{"a":{"usage":3},"usage":4.50 ,"b":[{"usage":5}]}})");
  EXPECT_EQ(scanner.value(UsageScanner::kResponseUsage), "4.50");
}

}  // namespace
}  // namespace epp::request
