// Which pods are endpoints: selector, readiness, ports, addresses.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/metrics_text.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::Json;
using testing::KubeNamespace;
using testing::KubeServer;
using testing::wait_until;

const KubeEpp kWaitForLiveness{.service = "liveness"};
const std::string kActivePorts = "llm-d.ai/active-ports";
const std::string kLegacyActivePorts = "inference.networking.k8s.io/active-ports";

Json annotations(const Json& values) {
  return {{"metadata", {{"annotations", values}}}};
}

TEST(KubernetesCheck, C05_ServingOnceThePoolIsThere) {
  const Cluster cluster;
  const EppServer epp = cluster.start(kWaitForLiveness);
  EXPECT_EQ(epp.health(""), "NOT_SERVING");
  cluster.space.create_pool();
  EXPECT_TRUE(wait_until([&] { return epp.serving(""); }, std::chrono::seconds(5))) << "also without pods";
}

TEST(KubernetesCheck, C06_AReadyPodIsADestination) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "10.0.0.5"});
  const EppServer epp = cluster.start();
  const Decision decision = Client(epp.grpc_port()).ask();
  EXPECT_EQ(decision.destination, "10.0.0.5:8000");
  EXPECT_EQ(decision.metadata_destination, "10.0.0.5:8000");
}

TEST(KubernetesCheck, C07_ReadinessComesAndGoes) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8000"}));
  cluster.space.set_ready("a", false);
  EXPECT_TRUE(goes_to(client, {"503"}));
  cluster.space.set_ready("a", true);
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8000"}));
}

TEST(KubernetesCheck, C08_APodThatIsBeingDeletedIsNotChosen) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8000", "127.1.0.2:8000"}));
  cluster.space.drain_pod("a");
  EXPECT_TRUE(goes_to(client, {"127.1.0.2:8000"}));
}

TEST(KubernetesCheck, C09_EachPortIsARank) {
  const Cluster cluster;
  cluster.space.create_pool({.ports = {8000, 8001}});
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start();
  const auto gauges = [&](const std::string& endpoint) {
    return testing::samples_of(epp.metrics(), "llm_d_epp_per_endpoint_queue_size",
                               {{"model_server_endpoint", endpoint}, {"name", "pool"}})
        .size();
  };
  EXPECT_TRUE(wait_until([&] { return gauges("a-rank-0") == 1 && gauges("a-rank-1") == 1; }));
  cluster.space.patch_pool({{"targetPorts", Json::array({{{"number", 8000}}})}});
  EXPECT_TRUE(wait_until([&] { return gauges("a-rank-1") == 0; }));
  EXPECT_EQ(gauges("a-rank-0"), 1U);
}

TEST(KubernetesCheck, C10_ActivePorts) {
  const Cluster cluster;
  cluster.space.create_pool({.ports = {8000, 8001, 8002, 8003}});
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1", .annotations = {{kActivePorts, "8000,8002"}}});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_EQ(destinations(client, 200), (Destinations{"127.1.0.1:8000", "127.1.0.1:8002"}));
  cluster.space.patch_pod("a", annotations({{kActivePorts, ""}}));
  EXPECT_TRUE(goes_to(client, {"503"}));
  cluster.space.patch_pod("a", annotations({{kActivePorts, nullptr}, {kLegacyActivePorts, "8001"}}));
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8001"}));
}

TEST(KubernetesCheck, C11_TheNewActivePortsKeyWins) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod(
      {.name = "a", .ip = "127.1.0.1", .annotations = {{kActivePorts, ""}, {kLegacyActivePorts, "8000"}}});
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  const EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), (Destinations{"127.1.0.2:8000"}));
}

TEST(KubernetesCheck, C12_ANewSelectorFindsPodsThatWereThere) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1", .labels = {{"app", "m"}}});
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2", .labels = {{"app", "n"}}});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8000"}));
  cluster.space.patch_pool({{"selector", {{"matchLabels", {{"app", "n"}}}}}});
  EXPECT_TRUE(goes_to(client, {"127.1.0.2:8000"}));
}

TEST(KubernetesCheck, C13_IPv6AddressesStandInBrackets) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "fd00::5"});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_EQ(client.ask().destination, "[fd00::5]:8000");
  EXPECT_EQ(client.ask({.without_body = true}).destination, "[fd00::5]:8000");
}

TEST(KubernetesCheck, C35_OtherNamespacesDoNotMatter) {
  const Cluster cluster;
  const KubeNamespace other(KubeServer::shared());
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  other.create_pod({.name = "a", .ip = "127.1.0.2"});
  const EppServer epp = cluster.start();
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0"}));
  other.delete_pod("a");
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.3"});  // By then the deletion would have been seen.
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0", "b-rank-0"}));
}

TEST(KubernetesCheck, C36_APodWithoutAnAddressWaitsForIt) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a"});
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  const EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), (Destinations{"127.1.0.2:8000"}));
  cluster.space.patch_pod_status("a", {{"podIP", "127.1.0.1"}, {"podIPs", Json::array({{{"ip", "127.1.0.1"}}})}});
  EXPECT_TRUE(goes_to(Client(epp.grpc_port()), {"127.1.0.1:8000", "127.1.0.2:8000"}));
}

TEST(KubernetesCheck, C39_SubsetHintsNamePorts) {
  const Cluster cluster;
  cluster.space.create_pool({.ports = {8000, 8001}});
  cluster.space.create_pod({.name = "a", .ip = "10.0.0.5"});
  const EppServer epp = cluster.start({.flags = {"--strict-subset-ports"}});
  const Client client(epp.grpc_port());
  EXPECT_EQ(client.spread(20, {.subset = {{"10.0.0.5:8001"}}}), (std::map<std::string, int>{{"10.0.0.5:8001", 20}}));
  const Decision none = client.ask({.subset = std::vector<std::string>{}});
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(value_of(none.headers, "x-llm-d-request-dropped-reason"), "rejected-no-endpoints");
}

TEST(KubernetesCheck, C40_SelectorsOfTheCommandLine) {
  const Cluster cluster;
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1", .labels = {{"env", "a"}}});
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2", .labels = {{"env", "a"}, {"old", "1"}}});
  cluster.space.create_pod({.name = "c", .ip = "127.1.0.3", .labels = {{"env", "b"}, {"tier", "x"}}});
  const EppServer epp =
      cluster.start({.flags = {"--endpoint-selector=env in (a,b),!old,tier!=x", "--endpoint-target-ports=8000"},
                     .pool = "",
                     .environment = {"POD_NAME=my-epp-7d9f8c6b5-x2k4p"}});
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0"}));
  EXPECT_EQ(destinations(Client(epp.grpc_port())), (Destinations{"127.1.0.1:8000"}));
}

TEST(KubernetesWeakSpot, W11_ARankThatWentStaysAway) {
  const Cluster cluster;
  cluster.space.create_pool({.ports = {8000, 8001}});
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start();
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0", "a-rank-1"}));
  // The pool and its pod change at the same time, over and over: whoever comes last finds the ranks of the present.
  for (int i = 0; i < 5; ++i) {
    cluster.space.patch_pool({{"targetPorts", Json::array({{{"number", 8000}}})}});
    cluster.space.patch_pod("a", annotations({{"round", std::to_string(i)}}));
    EXPECT_TRUE(has_endpoints(epp, {"a-rank-0"}));
    cluster.space.patch_pod("a", annotations({{"round", "between"}}));
    cluster.space.patch_pool({{"targetPorts", Json::array({{{"number", 8000}}, {{"number", 8001}}})}});
    EXPECT_TRUE(has_endpoints(epp, {"a-rank-0", "a-rank-1"}));
  }
}

TEST(KubernetesWeakSpot, W12_APodMadeAnewIsAnotherOne) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8000"}));
  cluster.space.delete_pod("a");
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.2"});
  EXPECT_TRUE(goes_to(client, {"127.1.0.2:8000"}));
}

TEST(KubernetesWeakSpot, W14_ActivePortsAreNumbersOrNothing) {
  const Cluster cluster;
  cluster.space.create_pool({.ports = {8000, 8001}});
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1", .annotations = {{kActivePorts, "8000abc, 8001"}}});
  const EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), (Destinations{"127.1.0.1:8001"}));
}

}  // namespace
}  // namespace epp::conformance
