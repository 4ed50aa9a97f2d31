// What goes wrong between an EPP and its API server, and must not be seen by requests.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/tcp_relay.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::ApiReply;
using testing::ApiRequestSeen;
using ::testing::HasSubstr;
using testing::Json;
using testing::wait_until;

const Destinations kA{"127.1.0.1:8000"};
const Destinations kAAndB{"127.1.0.1:8000", "127.1.0.2:8000"};

class KubernetesFault : public ::testing::Test {
 protected:
  KubernetesFault() {
    cluster.put_pool();
    cluster.put_pod({.name = "a", .ip = "127.1.0.1"});
  }
  void await_watch() const {
    ASSERT_TRUE(wait_until([&] { return cluster.api.open_watches(cluster.pods) == 1; }));
  }
  void add_b() { cluster.put_pod({.name = "b", .ip = "127.1.0.2"}); }

  FakeCluster cluster;
};

// Objects that are no pods, and one that is said to be at no address.
const std::vector<Json> kGarbage{
    {{"metadata", {{"name", "g1"}, {"namespace", "ns"}, {"labels", {{"app", "m"}}}}}, {"status", "text"}},
    {{"metadata", {{"name", "g2"}, {"namespace", "ns"}, {"labels", {{"app", "m"}}}}},
     {"status", {{"podIP", "not an address"}, {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}}}},
    {{"metadata", {{"name", "g3"}, {"namespace", "ns"}, {"labels", {{"app", "m"}}}}},
     {"status", {{"podIP", 7}, {"conditions", 3}}}},
};

TEST_F(KubernetesFault, GarbageAmongTheListIsSkippedAndNamed) {
  for (const Json& garbage : kGarbage)
    cluster.api.put(cluster.pods, garbage);
  add_b();
  EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), kAAndB);
  EXPECT_THAT(epp.process().wait_for_line("ns/g2"), HasSubstr("podIP"));
  EXPECT_TRUE(epp.process().running());
}

TEST_F(KubernetesFault, GarbageOnTheWatchIsSkipped) {
  EppServer epp = cluster.start();
  ASSERT_TRUE(cluster.is_watched());
  for (const Json& garbage : kGarbage)
    cluster.api.put(cluster.pods, garbage);
  cluster.api.send_to_watches(cluster.pods, "{\"type\":\"NEWS\",\"object\":{}}\n{\"type\":3}\n[]\n");
  add_b();
  EXPECT_TRUE(goes_to(Client(epp.grpc_port()), kAAndB));
  EXPECT_TRUE(epp.process().running());
}

TEST_F(KubernetesFault, ANonsensePoolIsSkippedUntilItIsRepaired) {
  Json broken = testing::pool_object({});
  broken["metadata"]["namespace"] = cluster.name_space;
  broken["spec"]["targetPorts"] = Json::array({{{"number", 70000}}});
  cluster.api.put(cluster.pools, broken);
  EppServer epp = cluster.start({.service = "liveness"});
  EXPECT_THAT(epp.process().wait_for_line("ns/pool"), HasSubstr("targetPorts"));
  EXPECT_EQ(epp.health("readiness"), "NOT_SERVING");
  cluster.put_pool();
  EXPECT_TRUE(wait_until([&] { return epp.serving("readiness"); }));
}

TEST_F(KubernetesFault, AWatchThatBreaksInTheMidstOfAnEvent) {
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  ASSERT_TRUE(cluster.is_watched());
  cluster.api.send_to_watches(cluster.pods, R"({"type":"DELETED","object":{"metadata":{"name":"a","namespace":"ns")");
  cluster.api.end_watches(cluster.pods);
  add_b();
  EXPECT_TRUE(goes_to(client, kAAndB));
}

TEST_F(KubernetesFault, AListThatBreaksIsBegunAgain) {
  std::atomic<int> lists{0};
  cluster.api.intercept([&](const ApiRequestSeen& request) -> std::optional<ApiReply> {
    if (!request.is_list_of(cluster.pods) || ++lists > 2) return std::nullopt;
    return ApiReply{.body = R"({"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[)", .cut_after = 40};
  });
  const EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), kA);
  EXPECT_GE(lists, 3);
}

TEST_F(KubernetesFault, AHalfOpenWatchIsNoticed) {
  const EppServer epp = cluster.start({.flags = {"--kube-watch-idle-timeout=2s"}});
  const Client client(epp.grpc_port());
  ASSERT_TRUE(cluster.is_watched());
  cluster.api.mute_watches(cluster.pods);
  add_b();
  const auto start = testing::Clock::now();
  EXPECT_TRUE(wait_until([&] { return destinations(client) == kAAndB; }));
  EXPECT_LT(testing::Clock::now() - start, std::chrono::seconds(6)) << "2 s are asked for";
}

TEST_F(KubernetesFault, ANetworkThatFreezesIsNoticed) {
  testing::TcpRelay relay(cluster.api.port());
  std::string kubeconfig = testing::read_file(cluster.api.kubeconfig_file());
  const std::string own = std::to_string(cluster.api.port());
  kubeconfig.replace(kubeconfig.find(own), own.size(), std::to_string(relay.port()));
  // Beside the other, since that names the authority's file relative to itself.
  const std::filesystem::path file = cluster.api.kubeconfig_file().parent_path() / "relayed";
  testing::write_file(file, kubeconfig);
  const EppServer epp = cluster.start_with(file, {.flags = {"--kube-watch-idle-timeout=2s"}});
  const Client client(epp.grpc_port());
  ASSERT_TRUE(cluster.is_watched());
  relay.freeze();
  add_b();
  relay.thaw();  // What was connected stays dead.
  EXPECT_TRUE(wait_until([&] { return destinations(client) == kAAndB; }));
}

TEST_F(KubernetesFault, AServerThatRefusesIsWaitedFor) {
  std::atomic<bool> refuses{false};
  cluster.api.intercept([&](const ApiRequestSeen&) -> std::optional<ApiReply> {
    if (!refuses) return std::nullopt;
    return ApiReply{.status = 429, .headers = {{"retry-after", "1"}}};
  });
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  ASSERT_TRUE(cluster.is_watched());
  refuses = true;
  const std::size_t before = cluster.requests();
  cluster.api.end_watches(cluster.pods);
  cluster.api.wait_for([](const ApiRequestSeen&) { return true; }, before);  // The watch is over.
  add_b();
  EXPECT_EQ(destinations(client), kA);
  refuses = false;
  EXPECT_TRUE(goes_to(client, kAAndB));
  EXPECT_LT(cluster.requests() - before, 20U);
}

TEST_F(KubernetesFault, ASlowListHoldsUpNothingElse) {
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  ASSERT_TRUE(cluster.is_watched());
  cluster.api.intercept([&](const ApiRequestSeen& request) -> std::optional<ApiReply> {
    if (!request.is_list_of(cluster.pods)) return std::nullopt;
    return ApiReply{.silent = true};
  });
  const std::size_t from = cluster.requests();
  cluster.api.mute_watches(cluster.pods);
  cluster.api.forget_history();
  cluster.api.cut_watches(cluster.pods);
  cluster.api.wait_for([&](const ApiRequestSeen& request) { return request.is_list_of(cluster.pods); }, from);
  EXPECT_EQ(destinations(client), kA) << "what is known stays";
  cluster.put_pool({.ports = {8001}});
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8001"})) << "the pool is followed meanwhile";
}

TEST_F(KubernetesFault, ClocksMayDiffer) {
  cluster.api.set_clock_skew(std::chrono::hours(-48));
  const EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), kA);
}

}  // namespace
}  // namespace epp::conformance
