#include "kube/object_reader.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

Json parse(const char* text) {
  return Json::parse(text);
}

TEST(ObjectReaderTest, LeavesManagedFieldsOut) {
  std::string why;
  EXPECT_EQ(
      *read_object(R"({"metadata":{"name":"a","managedFields":[{"x":[1,{"y":null}]},"z"],"uid":"u"},
                             "managedFields":[1],"spec":{"metadata":{"managedFields":[2]}}})",
                   why),
      parse(R"({"metadata":{"name":"a","uid":"u"},"managedFields":[1],"spec":{"metadata":{"managedFields":[2]}}})"));
  EXPECT_EQ(*read_object(R"({"metadata":{"managedFields":null,"labels":{"managedFields":"v"}}})", why),
            parse(R"({"metadata":{"labels":{"managedFields":"v"}}})"));
  EXPECT_EQ(*read_event(R"({"type":"ADDED","object":{"metadata":{"managedFields":{"a":1},"name":"a"}}})", why),
            parse(R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"));
}

TEST(ObjectReaderTest, KeepsEverythingElse) {
  const char* text =
      R"({"a":[[],{},[{"b":[1,-2,3.5,true,false,null,"x"]}]],"c":9223372036854775807,"d":18446744073709551615,"a2":{"b":{}}})";
  std::string why;
  EXPECT_EQ(*read_object(text, why), parse(text));
  EXPECT_EQ(*read_object(R"({"a":1,"a":{"b":2}})", why), parse(R"({"a":{"b":2}})"));
}

TEST(ObjectReaderTest, SaysWhatIsWrongWithoutQuotingIt) {
  std::string why;
  EXPECT_FALSE(read_object("{\"a\":\"s3cret\xff\"}", why));
  EXPECT_EQ(why, "no JSON at byte 13");
  EXPECT_FALSE(read_object("[1]", why));
  EXPECT_EQ(why, "must be an object");
  for (const char* text :
       {"{}", R"({"type":1,"object":{}})", R"({"type":"ADDED","object":[]})", R"({"type":"ADDED"})"}) {
    EXPECT_FALSE(read_event(text, why)) << text;
    EXPECT_EQ(why, "no watch event: must have the members type and object");
  }
}

TEST(ObjectReaderTest, KnowsEventTypes) {
  const std::pair<const char*, EventType> types[] = {
      {"ADDED", EventType::kAdded},       {"MODIFIED", EventType::kModified}, {"DELETED", EventType::kDeleted},
      {"BOOKMARK", EventType::kBookmark}, {"ERROR", EventType::kError},       {"added", EventType::kUnknown}};
  for (const auto& [text, type] : types)
    EXPECT_EQ(event_type(Json{{"type", text}}), type);
}

TEST(ObjectReaderTest, NamesObjects) {
  EXPECT_EQ(object_key(parse(R"({"metadata":{"namespace":"ns","name":"a"}})")), "ns/a");
  EXPECT_EQ(object_key(parse(R"({"metadata":{"name":7}})")), "/");
  EXPECT_EQ(object_key(parse("[]")), "/");
  EXPECT_EQ(object_key(parse(R"({"metadata":[1]})")), "/");
  EXPECT_EQ(guess_name(R"({"type":"ADDED","object":{"metadata":{"name":"pod-7.x","uid)"), "pod-7.x");
  EXPECT_EQ(guess_name(R"({"name":"No Name"})"), "");
  EXPECT_EQ(guess_name("{}"), "");
}

}  // namespace
}  // namespace epp::kube
