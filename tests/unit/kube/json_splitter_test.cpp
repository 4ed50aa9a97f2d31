#include "kube/json_splitter.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace epp::kube {
namespace {

using Shape = JsonSplitter::Shape;

struct Recorder final : JsonSplitter::Receiver {
  bool on_value(std::string_view text) override {
    values.emplace_back(text);
    return values.size() < wanted;
  }
  void on_metadata(std::string_view text) override { metadata = text; }
  void on_skipped(std::string_view head, std::string_view why) override {
    skipped.push_back(std::string(why) + " <" + std::string(head) + ">");
  }
  bool operator==(const Recorder& other) const {
    return values == other.values && metadata == other.metadata && skipped == other.skipped;
  }

  std::vector<std::string> values;
  std::string metadata;
  std::vector<std::string> skipped;
  std::size_t wanted = 1000;
};

struct Outcome {
  Recorder found;
  bool complete = false;
  bool broken = false;
};

Outcome split(Shape shape, const std::vector<std::string_view>& pieces, std::size_t limit = 1000) {
  Outcome outcome;
  JsonSplitter splitter(shape, limit, outcome.found);
  for (const auto piece : pieces)
    splitter.feed(std::string(piece));
  outcome.complete = splitter.complete();
  outcome.broken = splitter.broken();
  return outcome;
}

// Whatever the pieces are, the same is found.
void expect_same_at_every_split(Shape shape, std::string_view text, const Outcome& whole) {
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t k = i; k <= text.size(); k += 1 + (text.size() - i) / 7) {
      const Outcome parts = split(shape, {text.substr(0, i), text.substr(i, k - i), text.substr(k)});
      ASSERT_EQ(parts.found.values, whole.found.values) << i << ' ' << k;
      ASSERT_EQ(parts.found.metadata, whole.found.metadata) << i << ' ' << k;
      ASSERT_EQ(parts.found.skipped.size(), whole.found.skipped.size()) << i << ' ' << k;
      ASSERT_EQ(parts.complete, whole.complete) << i << ' ' << k;
      ASSERT_EQ(parts.broken, whole.broken) << i << ' ' << k;
    }
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i)
    bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(split(shape, bytes).found.values, whole.found.values);
}

TEST(JsonSplitterTest, FindsTheValuesOfAStreamAtEverySplit) {
  const std::string text =
      "{\"type\":\"ADDED\",\"object\":{\"a\":\"}]\\\"{[\",\"b\":[1,-2.5e+3,true,null]}}\n"
      "{\"type\":\"BOOKMARK\",\"object\":{}}{\"x\":\"\\\\\"}\r\n  {} ";
  const Outcome whole = split(Shape::kStream, {text});
  EXPECT_EQ(whole.found.values, (std::vector<std::string>{
                                    "{\"type\":\"ADDED\",\"object\":{\"a\":\"}]\\\"{[\",\"b\":[1,-2.5e+3,true,null]}}",
                                    "{\"type\":\"BOOKMARK\",\"object\":{}}", "{\"x\":\"\\\\\"}", "{}"}));
  EXPECT_TRUE(whole.complete);
  EXPECT_TRUE(whole.found.skipped.empty());
  expect_same_at_every_split(Shape::kStream, text, whole);
}

TEST(JsonSplitterTest, FindsTheItemsAndMetadataOfAListAtEverySplit) {
  const std::string text =
      "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"12\",\"continue\":\"x\"},"
      "\"items\":[{\"metadata\":{\"name\":\"a\"},\"items\":[1]} , "
      "{\"b\":{\"metadata\":{}}},3],\"more\":{\"items\":[4]}}\n";
  const Outcome whole = split(Shape::kList, {text});
  EXPECT_EQ(whole.found.metadata, "{\"resourceVersion\":\"12\",\"continue\":\"x\"}");
  EXPECT_EQ(whole.found.values, (std::vector<std::string>{"{\"metadata\":{\"name\":\"a\"},\"items\":[1]}",
                                                          "{\"b\":{\"metadata\":{}}}", "3"}));
  EXPECT_TRUE(whole.complete);
  expect_same_at_every_split(Shape::kList, text, whole);
}

TEST(JsonSplitterTest, TakesListsInAnyOrderAndWithoutItems) {
  const Outcome last = split(Shape::kList, {"{\"items\":[{}],\"metadata\":{\"resourceVersion\":\"1\"}}"});
  EXPECT_EQ(last.found.values.size(), 1u);
  EXPECT_EQ(last.found.metadata, "{\"resourceVersion\":\"1\"}");
  for (const char* text : {"{\"metadata\":{},\"items\":[]}", "{\"metadata\":{},\"items\":null}", "{\"metadata\":{}}"}) {
    const Outcome none = split(Shape::kList, {text});
    EXPECT_TRUE(none.complete) << text;
    EXPECT_TRUE(none.found.values.empty()) << text;
  }
}

TEST(JsonSplitterTest, KnowsWhereADocumentIsCutShort) {
  const std::string list = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"a\":1}]}";
  for (std::size_t i = 0; i < list.size(); ++i)
    EXPECT_FALSE(split(Shape::kList, {std::string_view(list).substr(0, i)}).complete) << i;
  const std::string event = "{\"a\":[\"b\"]}";
  for (std::size_t i = 1; i < event.size(); ++i)
    EXPECT_FALSE(split(Shape::kStream, {std::string_view(event).substr(0, i)}).complete) << i;
  EXPECT_TRUE(split(Shape::kStream, {}).complete) << "a watch may end before its first event";
}

TEST(JsonSplitterTest, PassesOverWhatIsTooLarge) {
  const std::string large = "{\"metadata\":{\"name\":\"big\"},\"x\":\"" + std::string(5000, 'x') + "\"}";
  const std::string text = "{\"a\":1}" + large + "{\"b\":2}";
  const Outcome whole = split(Shape::kStream, {text});
  EXPECT_EQ(whole.found.values, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"}));
  ASSERT_EQ(whole.found.skipped.size(), 1u);
  EXPECT_TRUE(whole.found.skipped[0].starts_with("larger than 1000 bytes <{\"metadata\":{\"name\":\"big\"}"));
  expect_same_at_every_split(Shape::kStream, text, whole);

  const Outcome list = split(Shape::kList, {"{\"items\":[{\"a\":1}," + large + ",{\"b\":2}]}"});
  EXPECT_EQ(list.found.values, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"}));
  EXPECT_EQ(list.found.skipped.size(), 1u);
  EXPECT_TRUE(list.complete);
}

TEST(JsonSplitterTest, FindsItsWayAfterBrokenText) {
  struct Case {
    const char* text;
    std::vector<std::string> values;
  };
  const Case cases[] = {
      {"<html>no</html>\n{\"a\":1}\n", {"{\"a\":1}"}},
      {"{\"a\":1}\n}}}\n{\"b\":2}\n", {"{\"a\":1}", "{\"b\":2}"}},
      {"{\"a\":\n{\"b\":2}\n", {}},                        // an object may stand in an object
      {"{\"a\":{\n{\"b\":2}\n", {"{\"b\":2}"}},            // but not where a name is due
      {"{\"a\":\"cut off\n{\"b\":2}\n", {"{\"b\":2}"}},    // a line never ends inside a string
      {"{\"a\":\"cut off\\\n{\"b\":2}\n", {"{\"b\":2}"}},  // nor after a backslash
      {"{\"a\":1]}\n{\"b\":2}\n", {"{\"b\":2}"}},
      {"{\"a\" 1}\n{\"b\":2}\n", {"{\"b\":2}"}},
      {"{,}\n{\"b\":2}\n", {"{\"b\":2}"}},
      {"{\"a\":1,}\n{\"b\":2}\n", {"{\"b\":2}"}},
      {"[1]\n{\"b\":2}\n", {"{\"b\":2}"}},
      {"{\"a\":1 2}\n{\"b\":2}\n", {"{\"b\":2}"}},
      {"{\"a\":#}\n  {\"b\":2}\n", {"{\"b\":2}"}},
  };
  for (const Case& test : cases) {
    const Outcome whole = split(Shape::kStream, {test.text});
    EXPECT_EQ(whole.found.values, test.values) << test.text;
    if (!test.values.empty()) {
      EXPECT_EQ(whole.found.skipped.size(), 1u) << test.text;
      EXPECT_TRUE(whole.complete) << test.text;
    }
    expect_same_at_every_split(Shape::kStream, test.text, whole);
  }
}

TEST(JsonSplitterTest, ComplainsOnceAboutARunOfBrokenText) {
  const Outcome outcome = split(Shape::kStream, {"no\nnor\nthat\n{\"a\":1}\nno\n"});
  EXPECT_EQ(outcome.found.skipped.size(), 2u);
}

TEST(JsonSplitterTest, GivesUpABrokenList) {
  for (const char* text :
       {"<html>", "[]", "{\"items\":{}}", "{\"items\":[{]}", "{\"items\":[{}]}}", "{\"items\":[{\"a\":\"\n"}) {
    const Outcome outcome = split(Shape::kList, {text, "{\"metadata\":{}}"});
    EXPECT_TRUE(outcome.broken) << text;
    EXPECT_FALSE(outcome.complete) << text;
    EXPECT_TRUE(outcome.found.metadata.empty()) << text;
  }
}

TEST(JsonSplitterTest, BoundsTheNesting) {
  std::string deep;
  for (int i = 0; i < 1000; ++i)
    deep += "{\"a\":";
  const Outcome outcome = split(Shape::kStream, {deep + "\n{\"b\":2}\n"}, 1u << 20);
  EXPECT_EQ(outcome.found.values, (std::vector<std::string>{"{\"b\":2}"}));
  ASSERT_EQ(outcome.found.skipped.size(), 1u);
  EXPECT_TRUE(outcome.found.skipped[0].starts_with("nested too deep"));
}

TEST(JsonSplitterTest, StopsWhenToldTo) {
  Recorder found;
  found.wanted = 2;
  JsonSplitter splitter(Shape::kStream, 1000, found);
  EXPECT_FALSE(splitter.feed("{\"a\":1}{\"b\":2}{\"c\":3}"));
  EXPECT_EQ(found.values.size(), 2u);
  EXPECT_FALSE(splitter.feed("{\"d\":4}"));
  EXPECT_EQ(found.values.size(), 2u);
}

}  // namespace
}  // namespace epp::kube
