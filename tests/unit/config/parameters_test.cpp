#include "config/parameters.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kSchema = R"({
  "type": "object",
  "properties": {
    "threshold": {"type": "integer", "minimum": 1},
    "ratio": {"type": "number", "minimum": 0, "maximum": 1},
    "mode": {"enum": ["strict", "prefer"]},
    "note": {"type": ["string", "null"]},
    "label": {"type": "string", "minLength": 1, "errorMessage": "label must not be empty"},
    "inner": {"$ref": "#/definitions/inner"},
    "list": {"type": "array", "items": {"$ref": "#/definitions/inner"}},
    "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}
  },
  "additionalProperties": false,
  "definitions": {
    "inner": {
      "type": "object",
      "properties": {"hostName": {"type": "string"}, "port": {"type": "integer"}},
      "additionalProperties": false
    }
  }
})";

struct Checked {
  std::optional<std::string> text;
  Diagnostics diagnostics;

  Checked(const std::optional<std::string>& raw, std::string_view schema) {
    text = check_parameters(raw, {schema, "/plugins/0/parameters", "prefix: "}, diagnostics);
  }
  std::vector<std::string> errors() const {
    std::vector<std::string> lines;
    for (const auto& item : diagnostics.all())
      lines.push_back(render(item, SourceMap()));
    return lines;
  }
};

TEST(Parameters, NamesGetTheirDeclaredSpelling) {
  const Checked checked(R"({"THRESHOLD":5,"Inner":{"hostname":"h","PORT":1},"list":[{"HostName":"x"}]})", kSchema);
  EXPECT_THAT(checked.errors(), IsEmpty());
  EXPECT_EQ(checked.text, R"({"threshold":5,"inner":{"hostName":"h","port":1},"list":[{"hostName":"x"}]})");
}

TEST(Parameters, TheLastOfTwoSpellingsWins) {
  EXPECT_EQ(Checked(R"({"threshold":5,"Threshold":6})", kSchema).text, R"({"threshold":6})");
  EXPECT_EQ(Checked(R"({"Threshold":6,"threshold":5})", kSchema).text, R"({"threshold":5})");
}

TEST(Parameters, NamesOfAnOpenMapAreKept) {
  const Checked checked(R"({"matchLabels":{"App":"a","app":"b"}})", kSchema);
  EXPECT_THAT(checked.errors(), IsEmpty());
  EXPECT_EQ(checked.text, R"({"matchLabels":{"App":"a","app":"b"}})");
}

TEST(Parameters, UnknownNamesAtEveryDepth) {
  const Checked checked(R"({"treshold":5,"inner":{"hostNam":"h"},"list":[{},{"x":1}]})", kSchema);
  EXPECT_THAT(checked.errors(),
              ElementsAre("prefix: json: unknown field \"treshold\" (at /plugins/0/parameters/treshold; did you mean "
                          "\"threshold\"?)",
                          "prefix: json: unknown field \"hostNam\" (at /plugins/0/parameters/inner/hostNam; did you "
                          "mean \"hostName\"?)",
                          "prefix: json: unknown field \"x\" (at /plugins/0/parameters/list/1/x)"));
}

TEST(Parameters, Constraints) {
  EXPECT_THAT(Checked(R"({"threshold":"5"})", kSchema).errors(),
              ElementsAre("prefix: json: cannot unmarshal string into \"threshold\" (at "
                          "/plugins/0/parameters/threshold; expected an integer, at least 1)"));
  EXPECT_THAT(Checked(R"({"threshold":0})", kSchema).errors(),
              ElementsAre("prefix: invalid value 0 for \"threshold\" (at /plugins/0/parameters/threshold; expected an "
                          "integer, at least 1)"));
  EXPECT_THAT(Checked(R"({"mode":"other"})", kSchema).errors(),
              ElementsAre("prefix: invalid value \"other\" for \"mode\" (at /plugins/0/parameters/mode; expected one "
                          "of \"strict\", \"prefer\")"));
  EXPECT_THAT(Checked(R"({"ratio":1.5})", kSchema).errors(),
              ElementsAre("prefix: invalid value 1.5 for \"ratio\" (at /plugins/0/parameters/ratio; expected a "
                          "number, at least 0, at most 1)"));
  EXPECT_THAT(Checked(R"({"label":""})", kSchema).errors(),
              ElementsAre("prefix: label must not be empty (at /plugins/0/parameters/label; expected a string, of "
                          "length at least 1)"));
  EXPECT_THAT(Checked(R"({"list":[{"port":1},{"port":"x"}]})", kSchema).errors(),
              ElementsAre("prefix: json: cannot unmarshal string into \"port\" (at "
                          "/plugins/0/parameters/list/1/port; expected an integer)"));
  EXPECT_THAT(Checked("5", kSchema).errors(),
              ElementsAre("prefix: json: cannot unmarshal number into parameters (at /plugins/0/parameters; expected "
                          "an object)"));
}

TEST(Parameters, EveryIndependentErrorIsReported) {
  EXPECT_EQ(Checked(R"({"threshold":0,"ratio":2,"mode":"x","zzz":1})", kSchema).diagnostics.error_count(), 4U);
}

TEST(Parameters, NullsAreAbsent) {
  const Checked checked(R"({"threshold":null,"inner":{"port":null},"note":null})", kSchema);
  EXPECT_THAT(checked.errors(), IsEmpty());
  EXPECT_EQ(checked.text, R"({"inner":{},"note":null})") << "unless the schema accepts null";
  EXPECT_EQ(Checked("null", kSchema).text, "{}");
}

TEST(Parameters, RequiredNames) {
  constexpr const char* kRequired = R"({
    "type": "object",
    "properties": {"path": {"type": "string", "errorMessage": "'path' parameter is required"}, "x": {"type": "string"}},
    "required": ["path", "x"]
  })";
  EXPECT_THAT(Checked(std::nullopt, kRequired).errors(),
              ElementsAre("prefix: 'path' parameter is required (at /plugins/0/parameters; expected a string)",
                          "prefix: missing required parameter \"x\" (at /plugins/0/parameters; expected a string)"));
  EXPECT_EQ(Checked(std::nullopt, kSchema).text, std::nullopt);
  EXPECT_THAT(Checked(std::nullopt, kSchema).errors(), IsEmpty());
}

TEST(Parameters, IgnoringSchemasAcceptAnything) {
  for (const char* schema : {"", "true", "{}", " { } "}) {
    EXPECT_TRUE(ignores_parameters(schema)) << schema;
    const Checked checked(R"({"X":1})", schema);
    EXPECT_EQ(checked.text, R"({"X":1})");
    EXPECT_THAT(checked.errors(), IsEmpty());
  }
  EXPECT_FALSE(ignores_parameters(kSchema));
  EXPECT_FALSE(ignores_parameters("not JSON"));
}

TEST(Parameters, AlternativeShapes) {
  constexpr const char* kShapes = R"({
    "oneOf": [
      {"type": "object", "properties": {"profiles": {"type": "object"}}, "additionalProperties": false},
      {"type": "object", "properties": {"decodeProfile": {"type": "string"}}, "required": ["decodeProfile"],
       "additionalProperties": false}
    ]
  })";
  EXPECT_THAT(Checked(R"({"PROFILES":{}})", kShapes).errors(), IsEmpty());
  EXPECT_THAT(Checked(R"({"decodeprofile":"d"})", kShapes).errors(), IsEmpty());
  const auto mixed = Checked(R"({"profiles":{},"decodeProfile":"d"})", kShapes).errors();
  ASSERT_EQ(mixed.size(), 1U);
  EXPECT_THAT(mixed[0], HasSubstr("none of the allowed forms fits"));
  EXPECT_THAT(Checked(R"({"neither":1})", kShapes).errors(),
              ::testing::Contains(HasSubstr("unknown field \"neither\"")));
}

TEST(Parameters, AnUnusableSchemaIsAnError) {
  EXPECT_THAT(Checked("{}", "{not json").errors(), ElementsAre(HasSubstr("schema is not JSON")));
  EXPECT_THAT(Checked("{}", R"({"type": 5})").errors(), ElementsAre(HasSubstr("schema is unusable")));
}

TEST(Parameters, ASchemaThatRefersToItselfWithoutEndIsAnError) {
  for (const char* schema : {R"({"$ref": "#"})", R"({"allOf": [{"not": {"$ref": "#"}}]})",
                             R"({"properties": {"a": {"$ref": "#/definitions/x"}},
                                 "definitions": {"x": {"$ref": "#/definitions/y"}, "y": {"$ref": "#/definitions/x"}}})",
                             R"({"properties": {"a": {"$ref": "https://example.com/other.json"}}})"}) {
    EXPECT_THAT(Checked(R"({"a":1})", schema).errors(), ElementsAre(HasSubstr("schema is unusable"))) << schema;
  }
  constexpr const char* kTree = R"({"type": "object", "properties": {"child": {"$ref": "#"}}})";
  EXPECT_THAT(Checked(R"({"child":{"child":{}}})", kTree).errors(), IsEmpty());
  EXPECT_THAT(Checked(R"({"child":{"child":1}})", kTree).errors(), ElementsAre(HasSubstr("/child/child")));
}

TEST(Parameters, LongTextsAreNotMatchedAgainstPatterns) {
  const std::string text = R"({"a":")" + std::string(1'000'000, 'x') + R"("})";
  EXPECT_THAT(Checked(text, R"({"properties": {"a": {"type": "string", "pattern": "^x+$"}}})").errors(),
              ElementsAre("prefix: text of 1000000 bytes (at /plugins/0/parameters/a; expected at most 4096 bytes)"));
  EXPECT_THAT(Checked(text, R"({"properties": {"a": {"type": "string"}}})").errors(), IsEmpty());
}

TEST(Parameters, References) {
  constexpr const char* kReferences = R"({
    "type": "object",
    "properties": {
      "deciders": {
        "type": "object",
        "properties": {
          "prefill": {"type": "string", "x-epp-plugin-reference": true},
          "others": {"type": "array", "items": {"type": "string"}, "x-epp-plugin-reference": true}
        }
      },
      "fallback": {"type": "string", "default": "f", "x-epp-plugin-reference": true},
      "comment": {"type": "string"}
    }
  })";
  EXPECT_THAT(plugin_references(kReferences, R"({"deciders":{"prefill":"a","others":["b","","a"]},"comment":"c"})"),
              ElementsAre("a", "b", "f"));
  EXPECT_THAT(plugin_references(kReferences, R"({"fallback":""})"), IsEmpty());
  EXPECT_THAT(plugin_references(kReferences, std::nullopt), ElementsAre("f"));
  EXPECT_THAT(plugin_references("", R"({"a":"b"})"), IsEmpty());
}

}  // namespace
}  // namespace epp::config
