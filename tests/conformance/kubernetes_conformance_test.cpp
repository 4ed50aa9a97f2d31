// What gateways and their conformance suite expect of an EPP, and what happens when pods and EPPs come and go.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/wait.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::KubeUser;
using testing::wait_until;

const std::string kServed = "x-conformance-test-served-endpoint";
const KubeEpp kSelection{
    .config = "plugins: [{type: header-based-testing-filter}, {type: destination-endpoint-served-verifier}]"};

Request selecting(const std::string& endpoints) {
  return {.headers = {{"test-epp-endpoint-selection", endpoints}}};
}

TEST(ConformanceCheck, C23_SessionsFollowTheirPod) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  const EppServer epp = cluster.start(
      {.flags = {"--allow-experimental-plugins"}, .config = "plugins: [{type: session-affinity-filter}]"});
  const Client client(epp.grpc_port());
  // The destination of a request with this token, and the token of its response.
  const auto exchange = [&](const std::string& token) {
    Request request;
    if (!token.empty()) request.headers = {{"x-session-token", token}};
    Exchange open = client.open(request);
    const Headers headers = open.response_headers({{":status", "200"}, {"content-type", "application/json"}});
    open.finish_response("{}");
    return std::pair(open.decision().destination, value_of(headers, "x-session-token"));
  };
  const auto [first, token] = exchange("");
  ASSERT_FALSE(token.empty());
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(exchange(token).first, first);
  const bool is_a = first == "127.1.0.1:8000";
  cluster.space.delete_pod(is_a ? "a" : "b");
  EXPECT_TRUE(goes_to(client, {is_a ? "127.1.0.2:8000" : "127.1.0.1:8000"}));
  const auto [second, other_token] = exchange(token);
  EXPECT_NE(second, first);
  EXPECT_FALSE(other_token.empty());
  EXPECT_NE(other_token, token);
}

TEST(ConformanceCheck, C26_C27_C28_TheHooksOfTheSuite) {
  const Cluster cluster;
  cluster.space.create_pool({.ports = {3000, 3002, 3004}});
  cluster.space.create_pod({.name = "a", .ip = "10.0.0.1"});
  cluster.space.create_pod({.name = "b", .ip = "10.0.0.2"});
  const EppServer epp = cluster.start(kSelection);
  const Client client(epp.grpc_port());
  const auto counts = client.spread(100, selecting("10.0.0.1:3000,10.0.0.1:3004,10.9.9.9"));
  EXPECT_THAT(counts,
              ::testing::UnorderedElementsAre(::testing::Key("10.0.0.1:3000"), ::testing::Key("10.0.0.1:3004")));
  EXPECT_EQ(client.spread(60, selecting("10.0.0.2")).size(), 3U) << "an address alone means each of its ports";
  EXPECT_EQ(client.ask().status, 429) << "without the header nothing is kept: as of every filter";

  Exchange served = client.open(selecting("10.0.0.1:3000"));
  EXPECT_EQ(value_of(served.response_headers_served_by("10.0.0.1:3000"), kServed), "10.0.0.1:3000");
  Exchange no_metadata = client.open(selecting("10.0.0.1:3000"));
  EXPECT_EQ(value_of(no_metadata.response_headers({{":status", "200"}}), kServed), "fail: missing envoy lb metadata");
}

TEST(ConformanceCheck, C29_TheFlagsAndRightsOfTheSuite) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start({.flags = {"--zap-encoder", "json", "--metrics-endpoint-auth=true"},
                                       .config = "",
                                       .user = KubeUser::kPodsOnly,
                                       .service = "inference-extension"});
  const Client client(epp.grpc_port());
  const std::string body =
      R"({"model": "conformance-fake-model", "prompt": "Write as if you were a critic: San Francisco"})";
  const Decision posted = client.ask({.body = body, .path = "/primary-gateway-test"});
  EXPECT_EQ(posted.destination, "127.1.0.1:8000");
  EXPECT_EQ(posted.body, body);
  EXPECT_EQ(client.ask({.path = "/primary-gateway-test", .without_body = true}).destination, "127.1.0.1:8000");
}

TEST(ConformanceCheck, C30_AStreamSurvivesSigterm) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  EppServer epp = cluster.start({.flags = {"--drain-timeout=2s"}});
  const Client client(epp.grpc_port());
  Exchange waiting = client.open();
  epp.process().signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !epp.serving("readiness"); }));
  EXPECT_EQ(client.ask().destination, "127.1.0.1:8000") << "a new stream in the drain window";
  waiting.response_headers({{":status", "200"}, {"content-type", "application/json"}});
  EXPECT_EQ(waiting.finish_response("{}"), "{}");
  EXPECT_EQ(waiting.finish(), 0);
  EXPECT_EQ(epp.process().wait(), 0);
}

TEST(ConformanceCheck, C31_AnEppThatIsKilledComesBack) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  {
    EppServer first = cluster.start();
    first.process().signal(SIGKILL);
    EXPECT_EQ(first.process().wait(), 128 + SIGKILL);
  }
  const auto start = testing::Clock::now();
  const EppServer second = cluster.start();
  EXPECT_EQ(destinations(Client(second.grpc_port())), (Destinations{"127.1.0.1:8000"}));
  EXPECT_LT(testing::Clock::now() - start, std::chrono::seconds(5));
}

TEST(ConformanceCheck, C32_AnotherLeaderAfterAKill) {
  const Cluster cluster;
  cluster.space.create_pool();
  Flags flags{"--ha-enable-leader-election"};
  auto limit = std::chrono::milliseconds(19'400);
  if (!testing::long_tests()) {
    flags.insert(flags.end(), {"--ha-lease-duration=3s", "--ha-renew-deadline=2s", "--ha-retry-period=400ms"});
    limit = std::chrono::milliseconds(3'900);
  }
  EppServer leader = cluster.start({.flags = flags, .service = "readiness"});
  const EppServer other = cluster.start({.flags = flags, .service = "liveness"});
  EXPECT_FALSE(other.serving("readiness"));
  leader.process().signal(SIGKILL);
  const auto start = testing::Clock::now();
  EXPECT_TRUE(wait_until([&] { return other.serving("readiness"); }, std::chrono::seconds(30)));
  // A second more than promised: the machine may be busy.
  EXPECT_LT(testing::Clock::now() - start, limit + std::chrono::seconds(1));
}

TEST(ConformanceCheck, C35_ToZeroAndBack) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_EQ(destinations(client), (Destinations{"127.1.0.1:8000"}));
  cluster.space.delete_pod("a");
  EXPECT_TRUE(goes_to(client, {"503"}));
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  EXPECT_TRUE(goes_to(client, {"127.1.0.2:8000"}));
}

}  // namespace
}  // namespace epp::conformance
