#include "lifecycle/headers.h"

#include "plugins/request_context.h"

#include <gtest/gtest.h>

namespace epp::lifecycle {
namespace {

std::string text(const EchoPlan& plan) {
  std::string all;
  for (const HeaderField& field : plan.set)
    all += std::string(field.key) + "=" + std::string(field.value) + ";";
  for (std::string_view name : plan.remove)
    all += "-" + std::string(name) + ";";
  return all;
}

TEST(Headers, PreferTokens) {
  EXPECT_TRUE(prefers_if_available("if-available"));
  EXPECT_TRUE(prefers_if_available("return=minimal, If-Available;x=1"));
  EXPECT_FALSE(prefers_if_available("return=minimal"));
  EXPECT_FALSE(prefers_if_available("if-available-now"));
  EXPECT_FALSE(prefers_if_available(""));
}

TEST(Headers, AliasLosesToAPresentButEmptyName) {
  plugins::HeaderMap headers;
  headers.set("x-gateway-inference-objective", "old");
  EXPECT_EQ(*find_with_alias(headers, header::kObjective, header::kObjectiveAlias), "old");
  headers.set("x-llm-d-inference-objective", "");
  EXPECT_EQ(*find_with_alias(headers, header::kObjective, header::kObjectiveAlias), "");
}

TEST(Headers, SystemOwnedNamesAreNotEchoed) {
  plugins::HeaderMap headers;
  for (std::string_view name :
       {"x-llm-d-inference-objective", "x-gateway-inference-fairness-id", "x-slo-ttft-ms", "x-llm-d-video-fps",
        "x-gateway-destination-endpoint", "x-gateway-destination-endpoint-served", "content-length",
        "x-llm-d-request-dropped-reason", "x-gateway-destination-endpoint-subset", "x-gateway-model-name-rewrite"})
    headers.set(name, "1");
  headers.set("x-user-data", "a");
  EXPECT_EQ(text(plan_echo(headers, {}, {}, {})), "x-user-data=a;");
}

TEST(Headers, MutationsReplaceTheEcho) {
  plugins::HeaderMap headers;
  headers.set("a", "1");
  headers.set("b", "1");
  const std::vector<plugins::HeaderMutation> mutations{
      {"a", "2", false}, {"c", "3", false}, {"a", "4", false}, {"b", "", true}, {"content-length", "9", false}};
  EXPECT_EQ(text(plan_echo(headers, {}, mutations, {})), "c=3;a=4;-b;");
}

TEST(Headers, SteeringHeadersOfTheClientAreRemovedUnlessAPluginSetsThem) {
  plugins::HeaderMap headers;
  headers.set("x-prefiller-host-port", "evil:1");
  headers.set("x-data-parallel-host-port", "evil:2");
  const std::vector<plugins::HeaderMutation> mutations{{"x-prefiller-host-port", "good:1", false}};
  EXPECT_EQ(text(plan_echo(headers, {}, mutations, {})), "x-prefiller-host-port=good:1;-x-data-parallel-host-port;");
  EchoRules response;
  response.request = false;
  EXPECT_EQ(text(plan_echo(headers, {}, {}, response)),
            "x-prefiller-host-port=evil:1;x-data-parallel-host-port=evil:2;");
}

}  // namespace
}  // namespace epp::lifecycle
