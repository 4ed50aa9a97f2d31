#include "app/pool_identity.h"

#include "app/protocols.h"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::app {
namespace {

using ::testing::ThrowsMessage;

PoolIdentity identify(const config::Options& options, bool has_discovery = false,
                      const std::optional<std::string>& pod = std::nullopt) {
  return identify_pool(options, has_discovery,
                       [&](std::string_view name) { return name == "POD_NAME" ? pod : std::nullopt; });
}

config::Options selecting(const std::string& selector) {
  config::Options options;
  options.endpoint_selector = selector;
  return options;
}

TEST(PoolIdentity, Origins) {
  config::Options options;
  options.pool_name = "p";
  EXPECT_EQ(identify(options).origin, EndpointOrigin::kPool);
  EXPECT_EQ(identify(options).name, "p");
  EXPECT_TRUE(identify(options).in_cluster());
  EXPECT_EQ(identify(options, true).origin, EndpointOrigin::kFile);
  EXPECT_EQ(identify(options, true).name, "p");
  EXPECT_FALSE(identify(options, true).in_cluster());
  options.pool_name.clear();
  options.endpoints.resize(1);
  EXPECT_EQ(identify(options).origin, EndpointOrigin::kStatic);
  EXPECT_EQ(identify(options).name, "epp");
}

TEST(KubernetesCheck, C04_TheDeploymentNamesThePool) {
  const PoolIdentity identity = identify(selecting("app=m"), false, "my-epp-7d9f8c6b5-x2k4p");
  EXPECT_EQ(identity.origin, EndpointOrigin::kSelector);
  EXPECT_EQ(identity.name, "my-epp");
  ASSERT_TRUE(identity.selector);
  EXPECT_TRUE(identity.selector->matches({{"app", "m"}}));
  EXPECT_THAT([] { identify(selecting("app=m"), false, "epp-0"); },
              ThrowsMessage<std::runtime_error>("failed to parse deployment name from pod name epp-0"));
  EXPECT_THAT([] { identify(selecting("app=m")); },
              ThrowsMessage<std::runtime_error>("failed to get environment variable POD_NAME"));
}

TEST(PoolIdentity, ABadSelectorIsNamed) {
  EXPECT_THAT([] { identify(selecting("a b"), false, "e-1-2"); },
              ThrowsMessage<std::runtime_error>(::testing::StartsWith("invalid endpoint-selector \"a b\": ")));
}

bool speak(std::initializer_list<std::string_view> types, std::string_view protocol) {
  request::ParserRegistry::Parsers parsers;
  for (const std::string_view type : types)
    parsers.push_back(request::make_parser(type));
  return parsers_speak(request::ParserRegistry(parsers), protocol);
}

TEST(KubernetesCheck, C29_ParsersAndTheProtocolOfThePool) {
  EXPECT_TRUE(speak({"openai-parser", "anthropic-parser", "vllmhttp-parser"}, ""));
  EXPECT_TRUE(speak({"openai-parser", "anthropic-parser", "vllmhttp-parser"}, "http"));
  EXPECT_TRUE(speak({"openai-parser", "passthrough-parser"}, "kubernetes.io/h2c"));
  EXPECT_FALSE(speak({"openai-parser", "passthrough-parser"}, "kubernetes.io/wss"));
  EXPECT_TRUE(speak({"passthrough-parser"}, "kubernetes.io/wss")) << "claims nothing";
}

}  // namespace
}  // namespace epp::app
