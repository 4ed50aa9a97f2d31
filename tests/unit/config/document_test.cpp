// Texts to trees. The YAML tables hold what the Go ecosystem's YAML-to-JSON conversion gives for the same texts.
#include "config/document.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using ::testing::HasSubstr;

struct Parsed {
  nlohmann::ordered_json tree;
  SourceMap source{"f.yaml"};
  Diagnostics diagnostics;
  bool made = false;

  explicit Parsed(std::string_view text) { made = parse_document(text, "", tree, source, diagnostics); }
  std::string json() const { return diagnostics.has_errors() ? "error: " + diagnostics.all()[0].text : tree.dump(); }
};

TEST(YamlToJson, Table) {
  struct Case {
    const char* yaml;
    const char* json;
  };
  const Case cases[] = {
      {"a: [y,Y,n,on,Off,TRUE,True,tRue]", R"({"a":[true,true,false,true,false,true,true,"tRue"]})"},
      {"a: [~,null,Null,NULL,nULL,'yes',\"no\"]", R"({"a":[null,null,null,null,"nULL","yes","no"]})"},
      {"a: [1.0,1e3,1E3,.5,5.,1.5e+3,-.5,+.5,1_0.5]", R"({"a":[1,1000,1000,0.5,5,1500,-0.5,0.5,10.5]})"},
      {"a: [1e400,0x1p4,1e5.,12e03,.,..,1e,1e+]", R"({"a":["1e400","0x1p4","1e5.",12000,".","..","1e","1e+"]})"},
      {"a: [18446744073709551615,9223372036854775808,-9223372036854775808]",
       R"({"a":[18446744073709551615,9223372036854775808,-9223372036854775808]})"},
      {"a: [2001-01-01, 1:30, 190:20:30]", R"({"a":["2001-01-01","1:30","190:20:30"]})"},
      {"a: [010, 0x1F, 0b11, -0x1F, +0x1F, 1_000, 0777_0, 08, 09.5]", R"({"a":[8,31,3,-31,31,1000,4088,8,9.5]})"},
      {"a: [0x, 0o8, 0b2, _1, 1__0, 1_, -0, 0]", R"({"a":["0x","0o8","0b2","_1",10,1,0,0]})"},
      {"yes: 1\n1: 2\n1.5: 3", R"({"true":1,"1":2,"1.5":3})"},
      {"a: !!str 5\nb: !!int '5'\nc: !!float 5\nd: !!bool 'yes'", R"({"a":"5","b":5,"c":5,"d":true})"},
      {"a: !foo 5\nb: ! 5\nc: !!null ''\nd: !!binary aGVsbG8=", R"({"a":"5","b":"5","c":null,"d":"hello"})"},
      {"a: !!map {b: 1}\nc: !!seq [1]", R"({"a":{"b":1},"c":[1]})"},
      {"a: |\n  x\n  y\nb: 'x' # c\nc: x#c", R"({"a":"x\ny\n","b":"x","c":"x#c"})"},
      {"a: {b, c}", R"({"a":{"b":null,"c":null}})"},
      {"a: =\n=: 5", R"({"a":"=","=":5})"},
      {"---\na: 1\n---\nb: 2", R"({"a":1})"},
      {"# c", "null"},
      {"- 1", "[1]"},
      {"a: 1 2", R"({"a":"1 2"})"},
      {"z: 1\na: 2", R"({"z":1,"a":2})"},  // in file order
      {"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  e: 5", R"({"a":{"b":1,"c":2},"d":{"b":1,"c":2,"e":5}})"},
      {"a: &x {b: 1}\ne: &y {c: 2}\nd:\n  <<: [*x, *y]", R"({"a":{"b":1},"e":{"c":2},"d":{"c":2,"b":1}})"},
      {"a: &x {b: 1}\nd:\n  '<<': *x", R"({"a":{"b":1},"d":{"<<":{"b":1}}})"},
      {"d: {<<: {a: 1, <<: {b: 2}}}", R"({"d":{"a":1,"b":2}})"},
      {"a: &x [1, &y 2]\nb: *x\nc: *y", R"({"a":[1,2],"b":[1,2],"c":2})"},
      {"a: &x k\n*x : 1", R"({"a":"k","k":1})"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(Parsed(c.yaml).json(), c.json) << c.yaml;
}

TEST(YamlToJson, Refusals) {
  struct Case {
    const char* yaml;
    const char* error;
  };
  const Case cases[] = {
      {"a: .inf", "json: unsupported value: +Inf"},
      {"a: -.inf", "json: unsupported value: -Inf"},
      {"a: .nan", "json: unsupported value: NaN"},
      {"~: 4", "unsupported map key of type"},
      {"? [a]\n: b", "yaml: invalid map key"},
      {"? {a: 1}\n: b", "yaml: invalid map key"},
      {"d:\n  <<: 5", "yaml: map merge requires map or sequence of maps as the value"},
      {"d:\n  <<: [5]", "yaml: map merge requires map or sequence of maps as the value"},
      {"a: *nope", "yaml: "},
      {"a: &a [*a]", "yaml: "},
      {"a: 1\n b: 2", "yaml: line 2: "},
      {"a: b: c", "yaml: line 1: "},
      {"a: !!int x", "yaml: cannot decode `x` as a !!int"},
      {"a: !!bool 5", "yaml: cannot decode `5` as a !!bool"},
      {"a: !!binary '*'", "yaml: !!binary value contains invalid base64 data"},
  };
  for (const auto& c : cases) {
    const Parsed parsed(c.yaml);
    EXPECT_FALSE(parsed.made) << c.yaml;
    EXPECT_THAT(parsed.json(), HasSubstr(c.error)) << c.yaml;
  }
}

TEST(YamlToJson, RepeatedKeysAtEveryDepth) {
  struct Case {
    const char* yaml;
    const char* error;
  };
  const Case cases[] = {
      {"a: 1\na: 2", "yaml: unmarshal errors:\n  line 2: key \"a\" already set in map"},
      {"p: {q: [{a: 1, a: 2}]}", "line 1: key \"a\" already set in map"},
      {"1: a\n'1': b", "line 2: key \"1\" already set in map"},
      // Upstream's strict mode refuses to override merged members.
      {"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 5", "line 4: key \"b\" already set in map"},
      {"a: &x {b: 1}\nd:\n  b: 5\n  <<: *x", "line 1: key \"b\" already set in map"},
      {"a: &x {b: 1}\nd:\n  <<: *x\n  <<: *x", "line 1: key \"b\" already set in map"},
  };
  for (const auto& c : cases) {
    const Parsed parsed(c.yaml);
    EXPECT_TRUE(parsed.made) << c.yaml;
    EXPECT_THAT(parsed.json(), HasSubstr(c.error)) << c.yaml;
  }
}

TEST(YamlToJson, AliasExpansionIsBounded) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    std::string list = below;
    for (int j = 0; j < 9; ++j)
      list += "," + below + " ";
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + list + "]\n";
  }
  const Parsed parsed(text);
  EXPECT_FALSE(parsed.made);
  EXPECT_THAT(parsed.json(), HasSubstr("yaml: document contains excessive aliasing"));
}

TEST(YamlToJson, AliasesOfLongTextsAreBounded) {
  std::string text = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 1'000; ++i)
    text += "*a ,";
  const Parsed parsed(text + "]\n");
  EXPECT_FALSE(parsed.made);
  EXPECT_THAT(parsed.json(), HasSubstr("yaml: document contains excessive aliasing"));
}

TEST(Document, DepthIsBounded) {
  for (const auto& [open, close] : {std::pair{"[", "]"}, std::pair{"{\"a\":", "}"}}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i)
      text += open;
    EXPECT_FALSE(Parsed(text).made);
    for (int i = 0; i < 100'000; ++i)
      text += close;
    EXPECT_FALSE(Parsed(text).made);
  }
  EXPECT_FALSE(Parsed("{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}").made);
}

TEST(Document, PositionsInYaml) {
  const Parsed parsed("a: 1\nb:\n  - c: x\n    d: [1, 22]\n");
  const auto at = [&](const char* pointer) {
    const Position p = parsed.source.find(pointer);
    return std::to_string(p.line) + ":" + std::to_string(p.column);
  };
  EXPECT_EQ(at("/a"), "1:4");
  EXPECT_EQ(at("/b/0/c"), "3:8");
  EXPECT_EQ(at("/b/0/d/1"), "4:12");
  EXPECT_EQ(at("/b/0/d/1/unknown"), "4:12") << "the nearest ancestor";
  EXPECT_EQ(at("/nowhere"), "1:1");
}

TEST(Document, PositionsInJson) {
  const Parsed parsed("{\n  \"a\\\"\\\\\": \"x\\\"y\",\n  \"b\": [1, -2.5e3 , true,null,\n \"\", {}]\n}");
  EXPECT_EQ(parsed.json(), R"({"a\"\\":"x\"y","b":[1,-2500.0,true,null,"",{}]})");
  const auto at = [&](const char* pointer) {
    const Position p = parsed.source.find(pointer);
    return std::to_string(p.line) + ":" + std::to_string(p.column);
  };
  EXPECT_EQ(at(""), "1:1");
  EXPECT_EQ(at("/a\"\\"), "2:12");
  EXPECT_EQ(at("/b"), "3:8");
  EXPECT_EQ(at("/b/0"), "3:9");
  EXPECT_EQ(at("/b/1"), "3:12");
  EXPECT_EQ(at("/b/2"), "3:21");
  EXPECT_EQ(at("/b/3"), "3:26");
  EXPECT_EQ(at("/b/4"), "4:2");
  EXPECT_EQ(at("/b/5"), "4:6");
}

TEST(Document, PositionsBelowLongNamesAreBounded) {
  const std::string name(4096, 'k');
  std::string list = "[0";
  for (int i = 1; i < 50'000; ++i)
    list += ",0";
  const Parsed parsed("{\"" + name + "\":" + list + "]}");
  EXPECT_TRUE(parsed.made);
  const Position whole = parsed.source.find("/" + name);
  EXPECT_EQ(parsed.source.find("/" + name + "/1").column, whole.column + 3);
  EXPECT_EQ(parsed.source.find("/" + name + "/49999").column, whole.column) << "that of the list";
}

TEST(Document, MalformedJson) {
  for (const char* text : {"{", "{} x", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{'a':1}", "{\"a\":\"\xff\"}"}) {
    const Parsed parsed(text);
    EXPECT_FALSE(parsed.made) << text;
    EXPECT_THAT(parsed.json(), HasSubstr("couldn't get version/kind; json parse error: ")) << text;
  }
  EXPECT_EQ(Parsed("{\"a\":1,\n}").source.find("").line, 2U);
}

TEST(Document, RepeatedJsonKeys) {
  EXPECT_THAT(Parsed(R"({"a":1,"a":2})").json(), HasSubstr("strict decoding error: duplicate field \"a\""));
  EXPECT_THAT(Parsed(R"({"plugins":[{"name":"a","name":"b"}]})").json(),
              HasSubstr("duplicate field \"plugins[0].name\""));
  EXPECT_EQ(Parsed(R"({"plugins":[{"parameters":{"a":1,"b":2,"a":3}}]})").json(),
            R"({"plugins":[{"parameters":{"a":3,"b":2}}]})");
  EXPECT_EQ(Parsed(R"({"plugins":[{"parameters":{"x":{"a":1,"a":3}}}]})").json(),
            R"({"plugins":[{"parameters":{"x":{"a":3}}}]})");
}

TEST(Document, Syntax) {
  EXPECT_EQ(detect_syntax(" \n\t{\"a\": 1}"), Syntax::kJson);
  EXPECT_EQ(detect_syntax("a: {}"), Syntax::kYaml);
  EXPECT_EQ(detect_syntax("# {"), Syntax::kYaml);
  EXPECT_EQ(detect_syntax(""), Syntax::kYaml);
}

}  // namespace
}  // namespace epp::config
