// Several EPPs of one pool, of which one leads.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/wait.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using ::testing::MatchesRegex;
using testing::wait_until;

const std::string kElection = "--ha-enable-leader-election";
// The default times, a tenth as long.
const Flags kQuickElection{kElection, "--ha-lease-duration=1500ms", "--ha-renew-deadline=1s",
                           "--ha-retry-period=200ms"};

KubeEpp replica(Flags flags = {kElection}) {
  return {.flags = std::move(flags), .service = "liveness"};
}

// Waits until one of them is ready; the leader and the follower.
std::pair<EppServer*, EppServer*> order(EppServer& a, EppServer& b) {
  if (!wait_until([&] { return a.serving("readiness") || b.serving("readiness"); })) {
    throw std::runtime_error("nobody leads:\n" + a.process().output() + "\nand:\n" + b.process().output());
  }
  return a.serving("readiness") ? std::pair(&a, &b) : std::pair(&b, &a);
}

Json spec_of(const Cluster& cluster) {
  return cluster.space.lease(cluster.lease_name()).at("spec");
}

TEST(KubernetesCheck, C25_OneLeads) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  EppServer first = cluster.start(replica());
  EppServer second = cluster.start(replica());
  const auto [leader, follower] = order(first, second);
  EXPECT_FALSE(follower->serving("readiness"));
  for (const EppServer* epp : {leader, follower}) {
    EXPECT_EQ(epp->health("liveness"), "SERVING");
    EXPECT_EQ(epp->health("unheard-of"), "SERVICE_UNKNOWN");
  }
  EXPECT_FALSE(follower->serving("envoy.service.ext_proc.v3.ExternalProcessor"));
  EXPECT_TRUE(goes_to(Client(follower->grpc_port()), {"127.1.0.1:8000"})) << "a follower answers all the same";
  const Json spec = spec_of(cluster);
  EXPECT_EQ(spec.at("leaseDurationSeconds"), 15);
  for (const char* time : {"acquireTime", "renewTime"}) {
    EXPECT_THAT(spec.at(time).get<std::string>(), MatchesRegex("....-..-..T..:..:..\\.[0-9]{6}Z"));
  }
}

TEST(KubernetesCheck, C26_ALeaderThatStopsHandsOver) {
  const Cluster cluster;
  cluster.space.create_pool();
  EppServer first = cluster.start(replica({kElection, "--drain-timeout=0s"}));
  EppServer second = cluster.start(replica({kElection, "--drain-timeout=0s"}));
  const auto [leader, follower] = order(first, second);
  const auto start = testing::Clock::now();
  leader->process().signal(SIGTERM);
  EXPECT_EQ(leader->process().wait(), 0) << leader->process().output();
  EXPECT_TRUE(wait_until([&] { return follower->serving("readiness"); }));
  EXPECT_LT(testing::Clock::now() - start, std::chrono::seconds(6));
  follower->process().signal(SIGTERM);
  EXPECT_EQ(follower->process().wait(), 0);
  const Json spec = spec_of(cluster);
  EXPECT_EQ(spec.value("holderIdentity", ""), "");
  EXPECT_EQ(spec.at("leaseDurationSeconds"), 1);
}

TEST(KubernetesWeakSpot, W15_AFollowerIsWarm) {
  const Cluster cluster;
  cluster.space.create_pool();
  EppServer first = cluster.start(replica(kQuickElection));
  EppServer second = cluster.start(replica(kQuickElection));
  const auto [leader, follower] = order(first, second);
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  EXPECT_TRUE(goes_to(Client(follower->grpc_port()), {"127.1.0.1:8000"}));
  leader->process().signal(SIGKILL);
  EXPECT_TRUE(wait_until([&] { return follower->serving("readiness"); }));
  EXPECT_EQ(destinations(Client(follower->grpc_port())), (Destinations{"127.1.0.1:8000"}));
}

TEST(KubernetesElection, AFollowerRefusesWhenAskedTo) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  Flags flags = kQuickElection;
  flags.push_back("--ha-follower-refuses=true");
  EppServer first = cluster.start(replica(flags));
  EppServer second = cluster.start(replica(flags));
  const auto [leader, follower] = order(first, second);
  EXPECT_EQ(destinations(Client(leader->grpc_port())), (Destinations{"127.1.0.1:8000"}));
  EXPECT_EQ(destinations(Client(follower->grpc_port()), 1), (Destinations{"503"}));
}

}  // namespace
}  // namespace epp::conformance
