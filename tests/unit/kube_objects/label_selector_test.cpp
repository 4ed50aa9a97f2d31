#include "kube/label_selector.h"

#include "kube/label_syntax.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::kube {
namespace {

LabelSelector parse(std::string_view text) {
  auto parsed = LabelSelector::parse(text);
  if (const auto* error = std::get_if<std::string>(&parsed)) {
    ADD_FAILURE() << text << ": " << *error;
    return {};
  }
  return std::get<LabelSelector>(std::move(parsed));
}

std::string error_of(std::string_view text) {
  auto parsed = LabelSelector::parse(text);
  const auto* error = std::get_if<std::string>(&parsed);
  return error != nullptr ? *error : "";
}

TEST(LabelSelector, CanonicalText) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"", ""},
      {"  ", ""},
      {"a=b", "a=b"},
      {"a==b", "a=b"},
      {"a = b", "a=b"},
      {"a!=b", "a!=b"},
      {"a!= b", "a!=b"},
      {"a", "a"},
      {"!a", "!a"},
      {"! a", "!a"},
      {"a=", "a="},
      {"a!=", "a!="},
      {"a=,b", "a=,b"},
      {"a>5", "a>5"},
      {"a < 5", "a<5"},
      {"a in (b)", "a=b"},
      {"a in (c,b)", "a in (b,c)"},
      {"a in ( c , b , c )", "a in (b,c)"},
      {"a\tin\n(c,b)", "a in (b,c)"},
      {"a in(c,b)", "a in (b,c)"},
      {"a in ()", "a="},
      {"a in (,b)", "a in (,b)"},
      {"a in (b,)", "a in (,b)"},
      {"a notin (b,c)", "a notin (b,c)"},
      {"a notin (b)", "a!=b"},
      {"a notin ()", "a!="},
      {"z=1,a=2", "a=2,z=1"},
      {"a=b,a=b", "a=b"},
      {"a=c,a=b", "a=b,a=c"},
      {"in in (in)", "in=in"},
      {"notin notin (notin)", "notin!=notin"},
      {"in,notin", "in,notin"},
      {"a=in", "a=in"},
      {"example.com/role=decode", "example.com/role=decode"},
      {"app=m , !canary , tier in (gold,silver)", "app=m,!canary,tier in (gold,silver)"},
  };
  for (const auto& [text, canonical] : table) {
    const LabelSelector selector = parse(text);
    EXPECT_EQ(selector.text(), canonical) << text;
    EXPECT_EQ(parse(selector.text()), selector) << text;
  }
}

TEST(LabelSelector, Refuses) {
  for (const char* text : {",",          "a,",
                           "a=b,",       ",a",
                           "a=b,,c",     "a b",
                           "a=b c",      "a in b",
                           "a in (b",    "a in b)",
                           "a in (b c)", "a in",
                           "a notin",    "(a)",
                           "!a=b",       "!",
                           "!!a",        "a>",
                           "a>b",        "a>-5",
                           "a>5.5",      "a>99999999999999999999",
                           "a==>5",      "=b",
                           "a=b=c",      "a=b!",
                           "-a",         "a-=b",
                           "A/b/c=d",    "UPPER.example/x",
                           "/x",         "x/",
                           "a=b_",       "a=-b",
                           "a in (b_)",  "a=\xc3\xa9",
                           "k\x01=v",    "a===b",
                           "a=!b"}) {
    EXPECT_NE(error_of(text), "") << text;
  }
}

TEST(LabelSelector, SaysWhatIsWrong) {
  EXPECT_EQ(error_of("a=b,"), "the end stands where a label key should be");
  EXPECT_EQ(error_of("a in b"), "\"b\" stands where \"(\" should be");
  EXPECT_EQ(error_of("-a=b"), "\"-a\" is no label key");
  EXPECT_EQ(error_of("a=b_"), "\"b_\" is no label value");
  EXPECT_EQ(error_of("a>x"), "\"x\" is no integer");
  EXPECT_EQ(error_of("a b"), "\"b\" stands where a comma or the end should be");
}

TEST(LabelSelector, Matches) {
  const Labels labels = {{"a", "b"}, {"empty", ""}, {"n", "7"}, {"neg", "-3"}, {"text", "seven"}};
  const std::vector<std::pair<const char*, bool>> table = {
      {"", true},
      {"a=b", true},
      {"a=c", false},
      {"a!=b", false},
      {"a!=c", true},
      {"x!=b", true},
      {"x=b", false},
      {"a", true},
      {"x", false},
      {"!a", false},
      {"!x", true},
      {"a in (b,c)", true},
      {"a in (c)", false},
      {"a notin (b)", false},
      {"x notin (b)", true},
      {"empty=", true},
      {"empty", true},
      {"a=", false},
      {"x=", false},
      {"empty in ()", true},
      {"n>6", true},
      {"n>7", false},
      {"n<8", true},
      {"n<7", false},
      {"text>1", false},
      {"text<1", false},
      {"x>1", false},
      {"x<1", false},
      {"neg<1", true},
      {"neg>0", false},
      {"a=b,n>6", true},
      {"a=b,n>7", false},
      {"empty>1", false},
      {"a=b,a=c", false},
      {"n<9223372036854775807", true},
  };
  for (const auto& [text, wanted] : table)
    EXPECT_EQ(parse(text).matches(labels), wanted) << text;
}

TEST(LabelSelector, MatchLabels) {
  const LabelSelector selector = LabelSelector::equal_to({{"app", "m"}, {"tier", ""}});
  EXPECT_EQ(selector.text(), "app=m,tier=");
  EXPECT_EQ(selector, parse("tier=,app=m"));
  EXPECT_TRUE(selector.matches({{"app", "m"}, {"other", "x"}, {"tier", ""}}));
  EXPECT_FALSE(selector.matches({{"app", "m"}}));
  EXPECT_TRUE(LabelSelector().matches({}));
}

TEST(KubernetesCheck, C40_SelectorOfManyKinds) {
  const LabelSelector selector = parse("env in (a,b),!old,tier!=x");
  EXPECT_TRUE(selector.matches({{"env", "a"}}));
  EXPECT_FALSE(selector.matches({{"env", "a"}, {"old", "1"}}));
  EXPECT_FALSE(selector.matches({{"env", "b"}, {"tier", "x"}}));
}

TEST(LabelSyntax, KeysAndValues) {
  const std::string long_name(63, 'a');
  const std::string long_prefix(253, 'a');
  EXPECT_TRUE(valid_label_key("a"));
  EXPECT_TRUE(valid_label_key("A.b-c_d"));
  EXPECT_TRUE(valid_label_key("llm-d.ai/role"));
  EXPECT_TRUE(valid_label_key(long_prefix + "/" + long_name));
  EXPECT_FALSE(valid_label_key(""));
  EXPECT_FALSE(valid_label_key(long_name + "a"));
  EXPECT_FALSE(valid_label_key(long_prefix + "a/x"));
  EXPECT_FALSE(valid_label_key("a..b/x"));
  EXPECT_FALSE(valid_label_key("-a/x"));
  EXPECT_FALSE(valid_label_key("a_b/x"));
  EXPECT_FALSE(valid_label_key("a b"));
  EXPECT_TRUE(valid_label_value(""));
  EXPECT_TRUE(valid_label_value(long_name));
  EXPECT_FALSE(valid_label_value(long_name + "a"));
  EXPECT_FALSE(valid_label_value("a/b"));
  EXPECT_FALSE(valid_label_value(".a"));
}

}  // namespace
}  // namespace epp::kube
