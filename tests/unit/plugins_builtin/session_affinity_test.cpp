// session-affinity-filter and -scorer.
#include "common/session_bindings.h"
#include "unit/plugin_harness/plugin_harness.h"

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

using epp::testing::TestRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kFilter = "session-affinity-filter";
constexpr const char* kScorer = "session-affinity-scorer";
constexpr const char* kBySession = R"({"strategy": "session_id"})";

class SessionAffinity : public ::testing::Test {
 protected:
  SessionAffinity() {
    host.load(kFilter);
    host.load(kScorer);
    for (const char* name : {"a", "b", "c"})
      host.endpoint(name);
  }
  TestRequest session(std::string_view id) {
    auto r = host.request();
    r.header("x-session-id", id);
    return r;
  }
  // Filters, then sends the request to `target`. What the filter kept.
  std::vector<std::string> turn(const epp::plugins::InstancePtr& filter, std::string_view id, const char* target) {
    auto r = session(id);
    auto kept = host.filter(filter, r);
    r.result("default", {target});
    EXPECT_TRUE(host.pre_request(filter, r).ok());
    return kept;
  }
  PluginHarness host;
};

// SchedulingCheck 12.
TEST_F(SessionAffinity, C12_TokenRoundTrip) {
  const auto scorer = host.create(kScorer);
  host.endpoint("pod-a-rank-0");
  auto first = host.request();
  EXPECT_THAT(host.score(scorer, first), ElementsAre(0, 0, 0, 0));
  first.result("default", {"pod-a-rank-0"});
  ASSERT_TRUE(host.pre_request(scorer, first).ok());
  host.response_header(scorer, first);
  const std::string token = "ZGVmYXVsdC9wb2QtYS1yYW5rLTA=";
  EXPECT_EQ(response_header(first, "x-session-token"), token);

  auto second = host.request();
  second.header("x-session-token", token);
  EXPECT_THAT(host.score(scorer, second), ElementsAre(0, 0, 0, 1));

  const auto filter = host.create(kFilter);
  EXPECT_THAT(host.filter(filter, second), ElementsAre("pod-a-rank-0"));
  for (const char* bad : {"%%%", "ZGVmYXVsdC9nb25l", ""}) {
    auto r = host.request();
    r.header("x-session-token", bad);
    EXPECT_THAT(host.filter(filter, r), ElementsAre("a", "b", "c", "pod-a-rank-0")) << bad;
    EXPECT_THAT(host.score(scorer, r), ElementsAre(0, 0, 0, 0)) << bad;
  }
}

TEST_F(SessionAffinity, HeaderAndProfileAreConfigurable) {
  const auto filter =
      host.create(kFilter, R"({"encodedEndpointHeaderConfig": {"header": " X-Token "}, "profileName": "prefill"})");
  auto r = host.request();
  r.result("decode", {"a"}).result("prefill", {"b"}).primary("decode");
  ASSERT_TRUE(host.pre_request(filter, r).ok());
  host.response_header(filter, r);
  EXPECT_EQ(response_header(r, "x-token"), "ZGVmYXVsdC9i");

  auto without = host.request();
  without.result("decode", {"a"});
  ASSERT_TRUE(host.pre_request(filter, without).ok());
  host.response_header(filter, without);
  EXPECT_EQ(response_header(without, "x-token"), std::nullopt);
}

// SchedulingCheck 13.
TEST_F(SessionAffinity, C13_SessionSticksAndMovesOnceWhenItsEndpointGoes) {
  const auto filter = host.create(kFilter, kBySession);
  EXPECT_THAT(turn(filter, "s1", "b"), ElementsAre("a", "b", "c"));
  for (int i = 0; i < 9; ++i)
    EXPECT_THAT(turn(filter, "s1", "b"), ElementsAre("b"));
  host.remove_endpoint("b");
  EXPECT_THAT(turn(filter, "s1", "c"), ElementsAre("a", "c"));
  host.endpoint("b");
  EXPECT_THAT(turn(filter, "s1", "c"), ElementsAre("c"));
  EXPECT_THAT(turn(filter, "s2", "a"), ElementsAre("a", "c", "b"));
}

// SchedulingCheck 14.
TEST_F(SessionAffinity, C14_IdleSessionsAreSweptOut) {
  const auto filter = host.create(kFilter, R"({"strategy": "session_id", "sessionIdConfig":
      {"evictionTtlSeconds": 1, "evictionSweepSeconds": 1}})");
  (void)turn(filter, "s1", "a");
  (void)turn(filter, "s2", "b");
  host.advance_seconds(1.5);
  (void)turn(filter, "s2", "b");
  host.advance_seconds(0.6);
  EXPECT_THAT(turn(filter, "s1", "c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(turn(filter, "s2", "b"), ElementsAre("b"));
}

TEST_F(SessionAffinity, OutvotedSessionsStayWhereTheyAre) {
  const auto scorer = host.create(kScorer, kBySession);
  const auto send = [&](const char* target) {
    auto r = session("s1");
    auto scores = host.score(scorer, r);
    r.result("default", {target});
    EXPECT_TRUE(host.pre_request(scorer, r).ok());
    return scores;
  };
  EXPECT_THAT(send("a"), ElementsAre(0, 0, 0));
  EXPECT_THAT(send("c"), ElementsAre(1, 0, 0));
  EXPECT_THAT(send("a"), ElementsAre(1, 0, 0));
}

TEST_F(SessionAffinity, SourcesInOrder) {
  const auto filter = host.create(kFilter, R"({"strategy": "session_id", "sessionIdConfig": {"sources": [
      {"header": "X-Chat"}, {"attribute": "SessionIDDataKey", "producer": "session-id-producer"}]}})");
  const auto keep = [&](std::string_view header, std::string_view attribute, const char* target) {
    auto r = host.request();
    if (!header.empty()) r.header("x-chat", header);
    if (!attribute.empty()) r.attribute("SessionIDDataKey/session-id-producer", attribute);
    auto kept = host.filter(filter, r);
    r.result("default", {target});
    EXPECT_TRUE(host.pre_request(filter, r).ok());
    return kept;
  };
  (void)keep("h", "", "a");
  (void)keep("", "t", "b");
  EXPECT_THAT(keep("h", "t", "a"), ElementsAre("a"));
  EXPECT_THAT(keep("  ", "t", "b"), ElementsAre("b"));
  EXPECT_THAT(keep("", "", "c"), ElementsAre("a", "b", "c"));
}

TEST_F(SessionAffinity, StartupErrors) {
  EXPECT_THAT(host.create_error(kFilter, R"({"strategy": "sticky"})"), HasSubstr("strategy must be"));
  EXPECT_THAT(host.create_error(kFilter, R"({"strategy": "session_id", "sessionIdConfig": {"sources": [{}]}})"),
              HasSubstr("sources[0]: exactly one of header or attribute must be set"));
  EXPECT_THAT(host.create_error(kScorer, R"({"strategy": "session_id", "sessionIdConfig": {"sources": [
      {"header": "a"}, {"header": "a", "attribute": "b"}]}})"),
              HasSubstr("sources[1]: exactly one of header or attribute must be set"));
  EXPECT_NE(host.create_error(kScorer, R"({"strategy": "session_id", "sessionIdConfig": {"evictionTtlSeconds": -1}})"),
            "");
  // The block of the other strategy is not looked at.
  EXPECT_EQ(host.create_error(kFilter, R"({"sessionIdConfig": {"evictionTtlSeconds": -1}})"), "");
}

TEST(SchedulingWeakSpot, W10_SessionsAreBounded) {
  epp::builtin::SessionBindings bindings;
  const size_t limit = epp::builtin::SessionBindings::kMaxSessions;
  bindings.use("first", "a", false, 1);
  bindings.use("second", "a", false, 2);
  bindings.use("first", "a", false, 3);
  for (size_t i = 0; i < limit - 1; ++i)
    bindings.use("s" + std::to_string(i), "b", false, 4);
  EXPECT_EQ(bindings.find("second"), std::nullopt);
  EXPECT_EQ(bindings.find("first"), "a");
  EXPECT_EQ(bindings.find("s0"), "b");
}

}  // namespace
