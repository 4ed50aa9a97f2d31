// Label, role and testing filters.
#include "unit/plugin_harness/plugin_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LabelFilter : public ::testing::Test {
 protected:
  LabelFilter() { host.load("label-selector-filter"); }
  std::vector<std::string> filter(std::string_view type, std::string_view parameters) {
    auto request = host.request();
    return host.filter(host.create(type, parameters), request);
  }
  PluginHarness host;
};

TEST_F(LabelFilter, SelectorExample) {
  host.endpoint("x").label("a", "x");
  host.endpoint("xz").label("a", "x").label("b", "z");
  host.endpoint("xy").label("a", "x").label("b", "y");
  host.endpoint("z").label("b", "z");
  constexpr std::string_view kParameters =
      R"({"matchLabels": {"a": "x"}, "matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["y"]}]})";
  EXPECT_THAT(filter("label-selector-filter", kParameters), ElementsAre("x", "xz"));
  EXPECT_THAT(filter("by-label-selector", kParameters), ElementsAre("x", "xz"));
  EXPECT_THAT(filter("label-selector-filter", "{}"), ElementsAre("x", "xz", "xy", "z"));
}

TEST(SchedulingCheck, C08_LabelSelectorOperators) {
  PluginHarness host;
  host.load("label-selector-filter");
  host.endpoint("one").label("role", "a");
  host.endpoint("two").label("role", "b");
  host.endpoint("none");
  const auto kept = [&](const std::string& expression) {
    const auto filter = host.create("label-selector-filter", R"({"matchExpressions": [)" + expression + "]}");
    auto request = host.request();
    return host.filter(filter, request);
  };
  EXPECT_THAT(kept(R"({"key": "role", "operator": "In", "values": ["a", "c"]})"), ElementsAre("one"));
  EXPECT_THAT(kept(R"({"key": "role", "operator": "NotIn", "values": ["a"]})"), ElementsAre("two", "none"));
  EXPECT_THAT(kept(R"({"key": "role", "operator": "Exists"})"), ElementsAre("one", "two"));
  EXPECT_THAT(kept(R"({"key": "role", "operator": "DoesNotExist"})"), ElementsAre("none"));
  EXPECT_NE(host.create_error("label-selector-filter",
                              R"({"matchExpressions": [{"key": "role", "operator": "Equals", "values": ["a"]}]})"),
            "");
}

TEST_F(LabelFilter, SelectorErrors) {
  const auto error = [&](const std::string& parameters) {
    return host.create_error("label-selector-filter", parameters);
  };
  EXPECT_THAT(error(R"({"matchExpressions": [{"key": "a", "operator": "In"}]})"),
              HasSubstr("values set can't be empty"));
  EXPECT_THAT(error(R"({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]})"),
              HasSubstr("values set must be empty"));
  EXPECT_THAT(error(R"({"matchLabels": {"-bad": "x"}})"), HasSubstr("invalid label key"));
  EXPECT_THAT(error(R"({"matchLabels": {"UPPER.example/name": "x"}})"), HasSubstr("invalid label key"));
  EXPECT_THAT(error(R"({"matchLabels": {"a": "no blanks"}})"), HasSubstr("invalid label value"));
  EXPECT_EQ(error(R"({"matchLabels": {"kubernetes.io/name": "x_1.y-Z", "empty": ""}})"), "");
}

TEST_F(LabelFilter, ByLabel) {
  host.endpoint("a").label("role", "a");
  host.endpoint("b").label("role", "b");
  host.endpoint("none");
  EXPECT_THAT(filter("by-label", R"({"label": "role", "validValues": ["a"]})"), ElementsAre("a"));
  EXPECT_THAT(filter("by-label", R"({"label": "role", "validValues": ["a"], "allowsNoLabel": true})"),
              ElementsAre("a", "none"));
  EXPECT_THAT(filter("by-label", R"({"label": "role", "validValues": [""]})"), ElementsAre("none"));
  EXPECT_THAT(filter("by-label", R"({"label": "role", "allowsNoLabel": true})"), ElementsAre("none"));
  EXPECT_NE(host.create_error("by-label", R"({"validValues": ["a"]})"), "");
  EXPECT_NE(host.create_error("by-label", R"({"label": "role"})"), "");
}

TEST(SchedulingCheck, C07_RoleFilters) {
  PluginHarness host;
  host.load("role-filter");
  for (const char* role :
       {"prefill", "decode", "encode", "prefill-decode", "both", "encode-prefill", "encode-prefill-decode", "other"}) {
    host.endpoint(role).label("llm-d.ai/role", role);
  }
  host.endpoint("none");
  auto request = host.request();
  EXPECT_THAT(host.filter(host.create("decode-filter"), request),
              ElementsAre("decode", "prefill-decode", "both", "encode-prefill-decode", "none"));
  EXPECT_THAT(host.filter(host.create("prefill-filter"), request),
              ElementsAre("prefill", "prefill-decode", "both", "encode-prefill", "encode-prefill-decode"));
  EXPECT_THAT(host.filter(host.create("encode-filter"), request),
              ElementsAre("encode", "encode-prefill", "encode-prefill-decode"));
}

TEST(RoleFilter, IgnoresParameters) {
  PluginHarness host;
  host.load("role-filter");
  EXPECT_EQ(host.create_error("decode-filter", R"({"anything": [1]})"), "");
}

TEST(SchedulingCheck, C39_HeaderBasedTestingFilter) {
  PluginHarness host;
  host.load("header-based-testing-filter");
  const auto filter = host.create("header-based-testing-filter");
  host.endpoint("a0").address("10.0.0.1", "8000");
  host.endpoint("a1").address("10.0.0.1", "8001");
  host.endpoint("b").address("10.0.0.2", "8000");
  host.endpoint("c").address("fd00::3", "8000");
  const auto kept = [&](std::string_view header) {
    auto request = host.request();
    request.header("test-epp-endpoint-selection", header);
    return host.filter(filter, request);
  };
  EXPECT_THAT(kept("10.0.0.9"), IsEmpty());
  EXPECT_THAT(kept(" 10.0.0.2 , 10.0.0.1:8000"), ElementsAre("b", "a0"));
  EXPECT_THAT(kept("10.0.0.1"), ElementsAre("a0", "a1")) << "all ranks";
  EXPECT_THAT(kept("10.0.0.1:8000,10.0.0.1:8001"), ElementsAre("a0", "a1"));
  EXPECT_THAT(kept("10.0.0.2,10.0.0.2:8000"), ElementsAre("b"));
  EXPECT_THAT(kept("fd00::3"), ElementsAre("c"));
  EXPECT_THAT(kept("[fd00::3]:8000"), ElementsAre("c"));
  EXPECT_THAT(kept("[fd00::3]:9"), IsEmpty());
  EXPECT_THAT(kept("[fd00::3"), IsEmpty());
  auto without = host.request();
  EXPECT_THAT(host.filter(filter, without), IsEmpty());
}

}  // namespace
