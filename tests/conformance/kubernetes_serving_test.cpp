// Health, drain and the protection of the metrics port of an EPP that follows a cluster.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/http_client.h"
#include "support/metrics_text.h"
#include "support/wait.h"

#include <csignal>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::KubeServer;
using testing::KubeUser;
using testing::wait_until;

TEST(KubernetesCheck, C18_TheApiServerMayBeAway) {
  KubeServer& server = KubeServer::shared();
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const EppServer epp = cluster.start();
  const Client client(epp.grpc_port());
  server.kill();
  const auto until = testing::Clock::now() + std::chrono::seconds(testing::long_tests() ? 300 : 2);
  do {
    ASSERT_EQ(destinations(client), (Destinations{"127.1.0.1:8000"}));
  } while (testing::Clock::now() < until);
  EXPECT_TRUE(epp.serving(""));
  server.start();
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:8000", "127.1.0.2:8000"})) << "and is followed again";
}

TEST(KubernetesCheck, C28_DrainsOnSigterm) {
  const Cluster cluster;
  cluster.space.create_pool();
  cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  EppServer epp = cluster.start({.flags = {"--drain-timeout=2s"}});
  const auto start = testing::Clock::now();
  epp.process().signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !epp.serving("readiness"); }, std::chrono::seconds(1)));
  EXPECT_EQ(destinations(Client(epp.grpc_port()), 1), (Destinations{"127.1.0.1:8000"})) << "in the drain window";
  cluster.space.create_pod({.name = "b", .ip = "127.1.0.2"});
  EXPECT_TRUE(goes_to(Client(epp.grpc_port()), {"127.1.0.1:8000", "127.1.0.2:8000"})) << "pods are followed to the end";
  EXPECT_EQ(epp.process().wait(), 0) << epp.process().output();
  EXPECT_GE(testing::Clock::now() - start, std::chrono::seconds(2));

  EppServer at_once = cluster.start({.flags = {"--drain-timeout=0s"}});
  at_once.process().signal(SIGTERM);
  EXPECT_EQ(at_once.process().wait(std::chrono::seconds(2)), 0) << at_once.process().output();

  EppServer twice = cluster.start({.flags = {"--drain-timeout=30s"}});
  twice.process().signal(SIGTERM);
  twice.process().wait_for_line("Shutting down");
  twice.process().signal(SIGTERM);
  EXPECT_EQ(twice.process().wait(std::chrono::seconds(2)), 1) << twice.process().output();
}

TEST(KubernetesCheck, C29_ProtocolsOfThePool) {
  const Cluster cluster;
  // Parsers that claim neither or both: every protocol is good.
  cluster.space.create_pool({.app_protocol = "kubernetes.io/h2c"});
  for (const char* parser : {"openai-parser", "passthrough-parser"}) {
    const EppServer epp = cluster.start({.config = std::string("plugins: [{type: ") + parser + "}]"});
    EXPECT_EQ(epp.health(""), "SERVING") << parser;
  }
}

TEST(KubernetesCheck, C32_MetricsAreProtected) {
  const Cluster cluster;
  cluster.space.create_pool();
  const EppServer epp = cluster.start({.flags = {"--metrics-endpoint-auth=true"}});
  const auto scrape = [&](const std::string& token) {
    testing::HttpRequest request{.path = "/metrics"};
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    return testing::http(epp.metrics_port(), request);
  };
  for (const std::string& unknown : {std::string(), std::string("unheard-of")}) {
    const testing::HttpResponse answer = scrape(unknown);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.body, "Unauthorized\n");
  }
  const testing::HttpResponse denied = scrape(KubeServer::token(KubeUser::kNobody));
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(denied.body, "Authorization denied for user nobody\n");

  const auto reviews = [&](const char* resource) {
    const std::string page = cluster.space.api().text("GET", "/metrics");
    return testing::sample_sum(page, "apiserver_request_total", {{"resource", resource}, {"verb", "POST"}}).value_or(0);
  };
  const double tokens = reviews("tokenreviews");
  const double accesses = reviews("subjectaccessreviews");
  for (int i = 0; i < 10; ++i) {
    const testing::HttpResponse allowed = scrape(KubeServer::token(KubeUser::kScraper));
    EXPECT_EQ(allowed.status, 200);
    EXPECT_FALSE(allowed.body.empty());
  }
  EXPECT_EQ(reviews("tokenreviews"), tokens + 1);
  EXPECT_EQ(reviews("subjectaccessreviews"), accesses + 1);
}

// To whoever is not on this machine, or reached it by another name.
TEST(KubernetesServing, LooksInsideAndReloadsAreForThoseWhoMay) {
  const Cluster cluster;
  cluster.space.create_pool();
  const EppServer epp = cluster.start({.flags = {"--metrics-endpoint-auth=true"}});
  const auto ask = [&](const char* method, const char* path, std::optional<KubeUser> user) {
    testing::HttpRequest request{.method = method, .path = path, .headers = {{"host", "epp.example:9090"}}};
    if (user) request.headers["authorization"] = "Bearer " + KubeServer::token(*user);
    return testing::http(epp.metrics_port(), request).status;
  };
  for (const auto& [method, path] : {std::pair("GET", "/debug/plugins/state"), std::pair("POST", "/-/reload")}) {
    EXPECT_EQ(ask(method, path, std::nullopt), 401) << path;
    EXPECT_EQ(ask(method, path, KubeUser::kScraper), 403) << path;
    EXPECT_EQ(ask(method, path, KubeUser::kAdmin), 200) << path;
  }
}

TEST(KubernetesWeakSpot, W04_LivenessNeedsNoPool) {
  const Cluster cluster;
  EppServer epp = cluster.start({.flags = {"--drain-timeout=5s"}, .service = "liveness"});
  EXPECT_FALSE(epp.serving("readiness"));
  epp.process().signal(SIGTERM);
  epp.process().wait_for_line("Shutting down");
  EXPECT_TRUE(epp.serving("liveness"));
}

TEST(KubernetesWeakSpot, W06_BothPortsSayTheSame) {
  const Cluster cluster;
  const EppServer epp = cluster.start({.flags = {"--health-checking=true"}, .service = "liveness"});
  const std::string service = "envoy.service.ext_proc.v3.ExternalProcessor";
  EXPECT_EQ(epp.health(service), "NOT_SERVING");
  EXPECT_EQ(epp.health(service, epp.grpc_port()), "NOT_SERVING");
  cluster.space.create_pool();
  EXPECT_TRUE(wait_until([&] { return epp.health(service, epp.grpc_port()) == "SERVING"; }));
  EXPECT_EQ(epp.health(service), "SERVING");
}

}  // namespace
}  // namespace epp::conformance
