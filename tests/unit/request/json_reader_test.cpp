#include "request/json_reader.h"

#include "request/json_canonical.h"
#include "request/json_text.h"

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

// The error of a decoder into a map, read with the cursor as far as the top level and with skip() below.
std::string decode_error(std::string_view document) {
  JsonReader json(document);
  JsonKind kind{};
  std::string not_a_map;
  if (json.peek(kind)) {
    if (kind == JsonKind::kObject) {
      std::string_view key;
      json.enter_object();
      while (json.next_member(key))
        json.skip();
    } else {
      json.skip();
      if (kind != JsonKind::kNull) not_a_map = not_a_map_error(kind);
    }
  }
  if (!json.finish()) return json.error();
  if (!not_a_map.empty()) return not_a_map;
  if (!json.out_of_range_number().empty()) return out_of_range_error(json.out_of_range_number());
  return {};
}

// The same syntax error however the document is walked: here nothing is skipped.
std::string walk_error(std::string_view document) {
  JsonReader json(document);
  std::string open;  // kinds of the open containers
  std::string_view key;
  do {
    if (!open.empty() && !(open.back() == '{' ? json.next_member(key) : json.next_element())) {
      if (json.failed()) break;
      open.pop_back();
      continue;
    }
    JsonKind kind{};
    if (!json.peek(kind)) break;
    switch (kind) {
      case JsonKind::kNull:
        json.null();
        break;
      case JsonKind::kBool:
        json.boolean();
        break;
      case JsonKind::kNumber:
        json.number();
        break;
      case JsonKind::kString:
        json.string();
        break;
      case JsonKind::kArray:
        open += json.enter_array() ? "[" : "";
        break;
      case JsonKind::kObject:
        open += json.enter_object() ? "{" : "";
        break;
    }
  } while (!open.empty() && !json.failed());
  json.finish();
  return json.error();
}

std::string skip_error(std::string_view document) {
  JsonReader json(document);
  json.skip();
  json.finish();
  return json.error();
}

TEST(JsonReader, DecidesLikeGo) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.document);
    EXPECT_EQ(decode_error(c.document), c.error);
    EXPECT_EQ(walk_error(c.document), skip_error(c.document));
    if (!c.error.empty()) continue;
    std::string printed;
    append_canonical(printed, c.document);
    EXPECT_EQ(printed, c.printed);
  }
}

TEST(JsonReader, EveryCutOfADocumentIsRefused) {
  const std::string document =
      R"({"model":"m\u00e9\ud83d\ude00","n":-12.5e+3,"t":true,"f":false,"z":null,"a":[1,[],{},{"b":[0.5]}],"s":"\\\"x"})";
  ASSERT_EQ(skip_error(document), "");
  for (std::size_t size = 0; size < document.size(); ++size) {
    EXPECT_NE(skip_error(document.substr(0, size)), "") << size;
    EXPECT_EQ(walk_error(document.substr(0, size)), skip_error(document.substr(0, size))) << size;
  }
}

// Strings are scanned in blocks: a byte must be seen wherever it falls in one.
TEST(JsonReader, SpecialBytesAtEveryOffsetOfAString) {
  for (std::size_t before = 0; before < 40; ++before) {
    for (std::size_t after = 0; after < 40; after += 3) {
      const std::string head = "\"" + std::string(before, 'x');
      const std::string tail = std::string(after, 'y') + "\"";
      EXPECT_EQ(skip_error(head + tail), "");
      EXPECT_EQ(skip_error(head + "\\n" + tail), "");
      EXPECT_EQ(skip_error(head + "\x1f" + tail), "invalid character '\\x1f' in string literal");
      EXPECT_EQ(skip_error(head + "\\q" + tail), "invalid character 'q' in string escape code");
      const std::string non_ascii = head + "\xc3\xa9" + tail;
      EXPECT_TRUE(JsonReader(non_ascii).string().non_ascii);
      EXPECT_FALSE(JsonReader(head + "\" \xc3\xa9").string().non_ascii);
    }
  }
}

TEST(JsonReader, DepthLimit) {
  const auto nested = [](std::size_t depth, std::string_view open, std::string_view close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i)
      text += open;
    for (std::size_t i = 0; i < depth; ++i)
      text += close;
    return text;
  };
  EXPECT_EQ(skip_error(nested(10000, "[", "]")), "");
  EXPECT_EQ(walk_error(nested(10000, "[", "]")), "");
  EXPECT_EQ(skip_error(nested(10001, "[", "]")), "invalid character '[' exceeded max depth");
  EXPECT_EQ(walk_error(nested(10001, "[", "]")), "invalid character '[' exceeded max depth");
  EXPECT_EQ(skip_error("{\"a\":" + nested(9999, "[", "]") + "}"), "");
  EXPECT_EQ(skip_error("{\"a\":" + nested(10000, "[", "]") + "}"), "invalid character '[' exceeded max depth");

  std::string deep_objects = "1";
  for (int i = 0; i < 10000; ++i)
    deep_objects += "}";
  std::string opening;
  for (int i = 0; i < 10000; ++i)
    opening += "{\"a\":";
  deep_objects = opening + deep_objects;
  EXPECT_EQ(walk_error(deep_objects), "");
  EXPECT_EQ(skip_error("[" + deep_objects + "]"), "invalid character '{' exceeded max depth");
  std::string printed;
  append_canonical(printed, deep_objects);
  EXPECT_EQ(printed, deep_objects);
}

TEST(JsonReader, MixedNestingRemembersEachLevel) {
  std::string open;
  std::string close;
  for (int i = 0; i < 300; ++i) {
    const bool object = i % 3 != 1;
    open += object ? "{\"k\":" : "[";
    close = (object ? "}" : "]") + close;
  }
  EXPECT_EQ(skip_error(open + "0" + close), "");
  for (std::size_t i = 0; i < close.size(); i += 7) {
    std::string wrong = close;
    wrong[i] = wrong[i] == '}' ? ']' : '}';
    EXPECT_NE(skip_error(open + "0" + wrong), "") << i;
  }
}

TEST(JsonReader, ValuesAndOffsets) {
  const std::string_view document = R"( {"a" : "x\ny" , "b":[ 1 , 2.50 ],"c":true,"d":null} )";
  JsonReader json(document);
  JsonKind kind{};
  std::string_view key;
  ASSERT_TRUE(json.peek(kind));
  EXPECT_EQ(kind, JsonKind::kObject);
  ASSERT_TRUE(json.enter_object());
  ASSERT_TRUE(json.next_member(key));
  EXPECT_EQ(key, "a");
  ASSERT_TRUE(json.peek(kind));
  EXPECT_EQ(json.offset(), document.find("\"x"));
  const JsonString text = json.string();
  EXPECT_EQ(text.raw, "x\\ny");
  EXPECT_TRUE(text.escaped);
  ASSERT_TRUE(json.next_member(key));
  std::string_view raw;
  ASSERT_TRUE(json.skip(raw));
  EXPECT_EQ(raw, "[ 1 , 2.50 ]");
  ASSERT_TRUE(json.next_member(key));
  ASSERT_TRUE(json.peek(kind));
  EXPECT_TRUE(json.boolean());
  ASSERT_TRUE(json.next_member(key));
  json.null();
  EXPECT_FALSE(json.next_member(key));
  EXPECT_TRUE(json.finish());
}

TEST(JsonReader, NothingHappensAfterAnError) {
  JsonReader json("[1,x]");
  JsonKind kind{};
  json.peek(kind);
  json.enter_array();
  ASSERT_TRUE(json.next_element());
  json.number();
  ASSERT_TRUE(json.next_element());
  EXPECT_FALSE(json.peek(kind));
  const std::string error = json.error();
  EXPECT_EQ(error, "invalid character 'x' looking for beginning of value");
  EXPECT_FALSE(json.skip());
  EXPECT_FALSE(json.next_element());
  EXPECT_EQ(json.string().raw, "");
  EXPECT_FALSE(json.finish());
  EXPECT_EQ(json.error(), error);
}

}  // namespace
}  // namespace epp::request
