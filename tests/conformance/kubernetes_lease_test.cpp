// A leader whose lease cannot be renewed: against the fake API server.
#include "conformance/kube_lab.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::ApiReply;
using testing::ApiRequestSeen;
using ::testing::HasSubstr;

TEST(KubernetesCheck, C27_ALeaderThatCannotRenewEnds) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const bool in_full = testing::long_tests();
  Flags flags{"--ha-enable-leader-election"};
  if (!in_full) {
    flags.insert(flags.end(), {"--ha-lease-duration=3s", "--ha-renew-deadline=2s", "--ha-retry-period=400ms"});
  }
  const auto deadline = std::chrono::seconds(in_full ? 10 : 2);
  EppServer epp = cluster.start({.flags = flags, .service = "readiness"});
  cluster.api.intercept([](const ApiRequestSeen& request) -> std::optional<ApiReply> {
    if (request.method == "PUT") return ApiReply{.status = 500};
    return std::nullopt;
  });
  const auto start = testing::Clock::now();
  EXPECT_EQ(epp.process().wait(deadline + std::chrono::seconds(5)), 1) << epp.process().output();
  EXPECT_GT(testing::Clock::now() - start, deadline - std::chrono::seconds(1));
  EXPECT_THAT(epp.process().output(), HasSubstr("leader election lost"));
}

// Wall clocks of different hosts are not compared: a lease that was renewed "in 1999" is held all the same.
TEST(KubernetesElection, AForeignLeaseRunsOutOnOurOwnClock) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  cluster.api.put(cluster.leases, {{"apiVersion", "coordination.k8s.io/v1"},
                                   {"kind", "Lease"},
                                   {"metadata", {{"name", "epp-ns-pool.llm-d.ai"}, {"namespace", "ns"}}},
                                   {"spec",
                                    {{"holderIdentity", "somebody"},
                                     {"leaseDurationSeconds", 2},
                                     {"acquireTime", "1999-01-01T00:00:00.000000Z"},
                                     {"renewTime", "1999-01-01T00:00:00.000000Z"},
                                     {"leaseTransitions", 3}}}});
  const auto start = testing::Clock::now();
  const EppServer epp =
      cluster.start({.flags = {"--ha-enable-leader-election", "--ha-retry-period=200ms"}, .service = "readiness"});
  EXPECT_GE(testing::Clock::now() - start, std::chrono::milliseconds(1900));
  const testing::Json spec = cluster.api.object(cluster.leases, "epp-ns-pool.llm-d.ai").at("spec");
  EXPECT_EQ(spec.at("leaseTransitions"), 4);
  EXPECT_NE(spec.at("holderIdentity"), "somebody");
}

}  // namespace
}  // namespace epp::conformance
