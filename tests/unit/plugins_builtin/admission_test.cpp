// Plugins on the way in and out that decide or publish one thing.
#include "unit/plugin_harness/plugin_harness.h"

#include <cmath>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;

// The value that a hook set last, if any.
std::optional<std::string> response_header(epp::testing::TestRequest& request, std::string_view name) {
  std::optional<std::string> value;
  for (const auto& mutation : request.context().response_mutations) {
    if (mutation.name == name) value = mutation.value;
  }
  return value;
}

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

class Probabilistic : public ::testing::Test {
 protected:
  Probabilistic() { host.load("probabilistic-admitter"); }
  // Rejections among `rounds` requests.
  int rejected(double waiting, int rounds, int32_t priority = -1) {
    const auto admitter = host.create("probabilistic-admitter");
    host.endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, waiting).set(EPP_KEY_KV_CACHE_USAGE, 0.0);
    auto r = host.request();
    r.priority(priority);
    int count = 0;
    for (int i = 0; i < rounds; ++i)
      count += host.admit(admitter, r).ok() ? 0 : 1;
    return count;
  }
  PluginHarness host;
};

// ProducerCheck 35.
TEST_F(Probabilistic, C35_FullEndpointsShedNegativePriorities) {
  EXPECT_EQ(rejected(5, 100), 100);
  EXPECT_EQ(rejected(5, 100, 0), 0);
  EXPECT_EQ(rejected(0, 100), 0);
}

TEST_F(Probabilistic, FollowsThePower) {
  EXPECT_THAT(rejected(1.25, 4000), AllOf(Ge(1050), Le(1300)));  // saturation 0.25: 29.3 %
}

TEST_F(Probabilistic, SaysWhy) {
  const auto admitter = host.create("probabilistic-admitter");
  host.endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 100.0);
  auto r = host.request();
  r.priority(-1);
  const auto outcome = host.admit(admitter, r);
  EXPECT_EQ(outcome.status, EPP_ERR_RESOURCE_EXHAUSTED);
  EXPECT_EQ(outcome.message, "probabilistic-admitter: rejected, saturation=20.000 prob=1.00");
}

TEST_F(Probabilistic, MissingMetricsCountAsFull) {
  const auto admitter = host.create("probabilistic-admitter");
  host.endpoint("a");
  auto r = host.request();
  r.priority(-1);
  EXPECT_EQ(host.admit(admitter, r).message, "probabilistic-admitter: rejected, saturation=1.000 prob=1.00");
  for (const char* name : {"queueDepthThreshold", "kvCacheUtilThreshold", "power", "k"})
    EXPECT_NE(host.create_error("probabilistic-admitter", "{\"" + std::string(name) + "\": 0}"), "") << name;
}

// A NaN would make every comparison false, and reject nobody.
TEST_F(Probabilistic, W14_WhatIsNoNumberCountsAsFull) {
  host.endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 0.0).set(EPP_KEY_KV_CACHE_USAGE, std::nan(""));
  auto r = host.request();
  r.priority(-1);
  const auto strict = host.create("probabilistic-admitter", R"({"missingCountsAsFull": true})");
  EXPECT_EQ(host.admit(strict, r).message, "probabilistic-admitter: rejected, saturation=1.000 prob=1.00");
  const auto lenient = host.create("probabilistic-admitter", "{}", "lenient");
  EXPECT_TRUE(host.admit(lenient, r).ok());
}

// ProducerCheck 36.
TEST(ProducerCheck, C36_AgentIdentity) {
  PluginHarness host;
  host.load("agent-identity");
  const auto plugin = host.create("agent-identity", R"({"additionalSessionHeaders": ["X-Mine"]})");
  using Headers = std::vector<std::pair<const char*, const char*>>;
  const auto identity = [&](const Headers& headers) {
    auto r = host.request();
    for (const auto& [name, value] : headers)
      r.header(name, value);
    EXPECT_TRUE(host.request_header(plugin, r).ok());
    return host.text_value(r, "agent-identity/");
  };
  EXPECT_EQ(identity({{"session-id", "s1"}}), "s1");
  EXPECT_EQ(identity({{"session_id", "s0"}, {"x-session-affinity", "s2"}}), "s2");
  EXPECT_EQ(identity({{"x-session-affinity", "s2"}, {"x-claude-code-session-id", "s3"}}), "s3");
  EXPECT_EQ(identity({{"x-claude-code-session-id", "s3"}, {"x-mine", "s4"}}), "s4");
  EXPECT_EQ(identity({{"x-mine", ""}, {"session-id", " s5 "}}), " s5 ");
  EXPECT_EQ(identity({}), "");
}

// ProducerCheck 30.
TEST(ProducerCheck, C30_SessionIdSources) {
  PluginHarness host;
  host.load("session-id-producer");
  host.endpoint("a");
  EXPECT_NE(host.create_error("session-id-producer", R"({"headerName": "h", "cookieName": "c"})"), "");
  EXPECT_NE(host.create_error("session-id-producer", "{}"), "");
  const auto id = [&](std::string_view parameters, const char* header, const char* value) {
    const auto producer = host.create("session-id-producer", parameters);
    auto r = host.request();
    r.header(header, value);
    EXPECT_TRUE(host.produce(producer, r).ok());
    return host.text_value(r, "SessionIDDataKey/session-id-producer");
  };
  EXPECT_EQ(id(R"({"headerName": " X-Id "})", "x-id", "  abc "), "abc");
  EXPECT_EQ(id(R"({"headerName": "x-id"})", "x-id", "  "), "");
  EXPECT_EQ(id(R"({"cookieName": "sid"})", "cookie", "a=1; sid=\"q=2\"; sid=3"), "\"q=2\"");
  EXPECT_EQ(id(R"({"cookieName": "SID"})", "cookie", "sid=1"), "");
}

TEST(DestinationEndpointServedVerifier, CopiesMetadata) {
  PluginHarness host;
  host.load("destination-endpoint-served-verifier");
  host.endpoint("a");
  const auto plugin = host.create("destination-endpoint-served-verifier");
  auto r = host.request();
  r.result("default", {"a"}).metadata("envoy.lb", "x-gateway-destination-endpoint-served", "10.0.0.1:3000");
  host.response_header(plugin, r);
  EXPECT_EQ(response_header(r, "x-conformance-test-served-endpoint"), "10.0.0.1:3000");
  auto without = host.request();
  without.result("default", {"a"});
  host.response_header(plugin, without);
  EXPECT_EQ(response_header(without, "x-conformance-test-served-endpoint"), "fail: missing envoy lb metadata");
}

}  // namespace
