// How the cluster is followed: what is asked of an API server that ends, expires and refuses. A fake one, since a real
// one does not do that on demand.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/wait.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::ApiReply;
using testing::ApiRequestSeen;
using testing::wait_until;

const Destinations kA{"127.1.0.1:8000"};

TEST(KubernetesCheck, C14_WatchesThatEndAreTakenUpAgain) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(cluster.is_watched());
    const std::string last =
        cluster.put_pod({.name = "a", .ip = "127.1.0.1", .annotations = {{"round", std::to_string(i)}}});
    const std::size_t from = cluster.requests();
    cluster.api.end_watches(cluster.pods);
    EXPECT_EQ(destinations(client), kA);
    EXPECT_EQ(cluster.pod_watch_after(from).parameter("resourceVersion"), last);
    EXPECT_EQ(destinations(client), kA);
  }
  EXPECT_EQ(cluster.pod_lists(), 1U);
}

TEST(KubernetesCheck, C15_AnExpiredWatchIsListedAnew) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  cluster.put_pod({.name = "b", .ip = "127.1.0.2"});
  cluster.put_pod({.name = "c", .ip = "127.1.0.3"});
  const EppServer epp = cluster.start({.config = "plugins: [{type: active-request-scorer}, {type: max-score-picker}]"});
  const Client client(epp.grpc_port());
  const Exchange in_flight = client.open({.subset = {{"127.1.0.1:8000"}}});
  EXPECT_EQ(in_flight.decision().destination, "127.1.0.1:8000");
  ASSERT_TRUE(cluster.is_watched());
  cluster.api.mute_watches(cluster.pods);
  cluster.api.remove(cluster.pods, "c");
  cluster.api.forget_history();
  cluster.api.cut_watches(cluster.pods);
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0", "b-rank-0"}));
  EXPECT_EQ(destinations(client), (Destinations{"127.1.0.2:8000"})) << "the other one has a request in flight";
  EXPECT_EQ(cluster.pod_lists(), 2U);
}

TEST(KubernetesCheck, C16_BookmarksAdvanceTheWatch) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start();
  ASSERT_TRUE(cluster.is_watched());
  const std::size_t from = cluster.requests();
  cluster.api.bookmark(cluster.pods, "500");
  cluster.api.end_watches(cluster.pods);
  EXPECT_EQ(cluster.pod_watch_after(from).parameter("resourceVersion"), "500");
  EXPECT_EQ(cluster.pod_watch_after(0).parameter("allowWatchBookmarks"), "true");
}

TEST(KubernetesCheck, C17_ARotatedTokenIsTakenUp) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const testing::TempDir directory;
  const std::filesystem::path token = directory.path() / "token";
  testing::write_file(token, "one");
  const EppServer epp = cluster.start_with(cluster.api.kubeconfig_file_with(token));
  ASSERT_TRUE(cluster.is_watched());
  testing::write_file(token, "two");
  if (testing::long_tests()) {  // It is read again by itself within a minute; watches end often enough to show it.
    cluster.api.wait_for([](const ApiRequestSeen& request) { return request.token() == "two"; }, 0,
                         std::chrono::seconds(150));
    return;
  }
  cluster.api.intercept([](const ApiRequestSeen& request) -> std::optional<ApiReply> {
    if (request.token() != "two") return ApiReply{.status = 401};
    return std::nullopt;
  });
  const std::size_t from = cluster.requests();
  cluster.api.end_watches(cluster.pods);
  EXPECT_EQ(cluster.pod_watch_after(from).token(), "one");
  ASSERT_TRUE(cluster.is_watched());
  std::vector<std::string> tokens;
  const std::vector<ApiRequestSeen> requests = cluster.api.requests();
  for (std::size_t i = from; i < requests.size(); ++i) {
    if (requests[i].is_watch_of(cluster.pods)) tokens.push_back(requests[i].token());
  }
  EXPECT_EQ(tokens, (std::vector<std::string>{"one", "two"})) << "the request after the refusal";
}

TEST(KubernetesCheck, C23_WithoutObjectivesTheRestWorks) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start();
  EXPECT_EQ(destinations(Client(epp.grpc_port())), kA);
  for (const char* group : {"/apis/llm-d.ai/v1alpha2", "/apis/inference.networking.x-k8s.io/v1alpha2"}) {
    EXPECT_NO_THROW(cluster.api.wait_for([&](const ApiRequestSeen& request) { return request.path == group; }));
  }
}

TEST(KubernetesCheck, C37_OtherPodsAreNotAskedFor) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start();
  ASSERT_TRUE(cluster.is_watched());
  const auto memory_kb = [&] {
    std::ifstream status("/proc/" + std::to_string(const_cast<EppServer&>(epp).process().pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    }
    return 0L;
  };
  const long before = memory_kb();
  const int count = testing::long_tests() ? 10'000 : 1000;
  for (int i = 0; i < count; ++i)
    cluster.put_pod({.name = "other-" + std::to_string(i), .ip = "127.2.0.1", .labels = {{"app", "other"}}});
  cluster.put_pod({.name = "b", .ip = "127.1.0.2"});
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0", "b-rank-0"}));
  EXPECT_LT(memory_kb() - before, 20'000);
  for (const ApiRequestSeen& request : cluster.api.requests()) {
    if (request.path != cluster.pods) continue;
    EXPECT_EQ(request.parameter("labelSelector"), "app=m");
  }
}

TEST(KubernetesWeakSpot, W01_ANewSelectorIsTheServersBusiness) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  cluster.put_pod({.name = "b", .ip = "127.1.0.2", .labels = {{"app", "n"}, {"tier", "x"}}});
  const EppServer epp = cluster.start();
  ASSERT_TRUE(cluster.is_watched());
  const std::size_t from = cluster.requests();
  cluster.put_pool({.selector = {{"tier", "x"}, {"app", "n"}}});
  EXPECT_EQ(cluster.pod_watch_after(from).parameter("labelSelector"), "app=n,tier=x");
  EXPECT_TRUE(has_endpoints(epp, {"b-rank-0"}));
  EXPECT_TRUE(cluster.is_watched()) << "the old watch is gone";
}

TEST(KubernetesWeakSpot, W02_ObjectivesMayComeLater) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  cluster.api.wait_for([](const ApiRequestSeen& request) { return request.path == "/apis/llm-d.ai/v1alpha2"; });
  cluster.serve_objectives();
  testing::Json objective = testing::objective_object("hi", 4, "pool", "llm-d.ai");
  objective["metadata"]["namespace"] = cluster.name_space;
  cluster.api.put(cluster.objectives, objective);
  EXPECT_TRUE(wait_until([&] {
    client.complete({.headers = {{"x-llm-d-inference-objective", "hi"}}});
    return metric_of(epp, "llm_d_epp_request_total", {{"priority", "4"}}) > 0;
  }));
}

TEST(KubernetesWeakSpot, W03_NotReadyBeforeThePodsAreListed) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  std::atomic<bool> answers{false};
  cluster.api.intercept([&](const ApiRequestSeen& request) -> std::optional<ApiReply> {
    if (request.is_list_of(cluster.pods) && !answers) return ApiReply{.status = 503};
    return std::nullopt;
  });
  const EppServer epp = cluster.start({.service = "liveness"});
  cluster.api.wait_for([&](const ApiRequestSeen& request) { return request.is_list_of(cluster.pods); });
  EXPECT_EQ(epp.health("readiness"), "NOT_SERVING");
  answers = true;
  EXPECT_TRUE(wait_until([&] { return epp.serving("readiness"); }));
  EXPECT_EQ(destinations(Client(epp.grpc_port())), kA);
}

}  // namespace
}  // namespace epp::conformance
