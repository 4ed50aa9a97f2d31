// Priorities and model rewrites out of the cluster.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::Json;
using testing::wait_until;

const std::string kLegacyGroup = "inference.networking.x-k8s.io";

// A pool with one pod, and an EPP that follows it.
class OnePod {
 public:
  OnePod() {
    cluster.space.create_pool();
    cluster.space.create_pod({.name = "a", .ip = "127.1.0.1"});
  }
  Cluster cluster;
};

// How many requests were counted with this priority.
double counted(const EppServer& epp, const std::string& priority) {
  return metric_of(epp, "llm_d_epp_request_total", {{"priority", priority}});
}

// Asks with this objective until it is counted with that priority: objects come when they come.
bool gets_priority(const EppServer& epp, const std::string& objective, const std::string& priority) {
  const Client client(epp.grpc_port());
  return wait_until(
      [&] {
        const double before = counted(epp, priority);
        client.complete({.headers = {{"x-llm-d-inference-objective", objective}}});
        return counted(epp, priority) == before + 1;
      },
      std::chrono::seconds(5));
}

std::string body_of(const std::string& model) {
  return Json{{"model", model}, {"prompt", "x"}}.dump();
}

// The model that the request for `model` is sent on with.
std::string rewritten(const Client& client, const std::string& model) {
  return Json::parse(client.ask({.body = body_of(model)}).body).at("model");
}

bool is_rewritten(const Client& client, const std::string& model, const std::string& to) {
  return wait_until([&] { return rewritten(client, model) == to; }, std::chrono::seconds(5));
}

TEST(KubernetesCheck, C19_ObjectivesGivePriorities) {
  const OnePod one;
  one.cluster.space.create_objective("hi", 4);
  one.cluster.space.create_objective("foreign", 7, "another-pool");
  const EppServer epp = one.cluster.start();
  EXPECT_TRUE(gets_priority(epp, "hi", "4"));
  EXPECT_TRUE(gets_priority(epp, "foreign", "0"));
  EXPECT_EQ(counted(epp, "7"), 0);
  one.cluster.space.api().patch(one.cluster.space.objectives("hi"), {{"spec", {{"priority", 5}}}});
  EXPECT_TRUE(gets_priority(epp, "hi", "5"));
}

TEST(KubernetesCheck, C20_WhichRewriteCounts) {
  const OnePod one;
  one.cluster.space.create_rewrite("a", {}, {{.model = "g"}});
  one.cluster.space.create_rewrite("b", {"m1"}, {{.model = "b"}});
  const EppServer epp = one.cluster.start();
  const Client client(epp.grpc_port());
  EXPECT_TRUE(is_rewritten(client, "m1", "b"));
  EXPECT_EQ(rewritten(client, "m2"), "g");
  one.cluster.space.create_rewrite("c", {"m1"}, {{.model = "c"}});  // Newer than b, or of the same second and after it.
  one.cluster.space.create_rewrite("d", {"m3"}, {{.model = "d"}});
  EXPECT_TRUE(is_rewritten(client, "m3", "d"));
  EXPECT_EQ(rewritten(client, "m1"), "b");
  one.cluster.space.delete_rewrite("b");
  EXPECT_TRUE(is_rewritten(client, "m1", "c"));
  one.cluster.space.delete_rewrite("c");
  EXPECT_TRUE(is_rewritten(client, "m1", "g"));
  one.cluster.space.delete_rewrite("a");
  EXPECT_TRUE(is_rewritten(client, "m1", "m1"));
}

TEST(KubernetesCheck, C21_WeightsAreShares) {
  const OnePod one;
  one.cluster.space.create_rewrite("r", {"m"}, {{.model = "large", .weight = 90}, {.model = "small", .weight = 10}});
  const EppServer epp = one.cluster.start();
  const Client client(epp.grpc_port());
  ASSERT_TRUE(wait_until([&] { return rewritten(client, "m") != "m"; }));
  std::map<std::string, int> models;
  for (int i = 0; i < 2000; ++i)
    ++models[rewritten(client, "m")];
  EXPECT_EQ(models["large"] + models["small"], 2000);
  EXPECT_GE(models["large"], 1700);
  EXPECT_LE(models["large"], 1900);
}

TEST(KubernetesCheck, C22_TheNewGroupAloneCounts) {
  const OnePod one;
  one.cluster.space.create_objective("old", 3, "pool", kLegacyGroup);
  one.cluster.space.create_objective("new", 4);
  const EppServer epp = one.cluster.start();
  EXPECT_TRUE(gets_priority(epp, "new", "4"));
  EXPECT_TRUE(gets_priority(epp, "old", "0"));
  EXPECT_EQ(counted(epp, "3"), 0);
}

TEST(KubernetesCheck, C24_ObjectivesSurviveTheirPool) {
  const OnePod one;
  one.cluster.space.create_objective("hi", 4);
  one.cluster.space.create_rewrite("r", {"m"}, {{.model = "t"}});
  const EppServer epp = one.cluster.start();
  EXPECT_TRUE(gets_priority(epp, "hi", "4"));
  one.cluster.space.delete_pool();
  EXPECT_TRUE(wait_until([&] { return !epp.serving(""); }));
  one.cluster.space.create_pool();
  EXPECT_TRUE(wait_until([&] { return epp.serving(""); }));
  EXPECT_TRUE(gets_priority(epp, "hi", "4"));
  EXPECT_TRUE(is_rewritten(Client(epp.grpc_port()), "m", "t"));
}

TEST(KubernetesWeakSpot, W18_ThePoolReferencesKindCounts) {
  const OnePod one;
  Json object = testing::objective_object("import", 6, "pool", "llm-d.ai");
  object["spec"]["poolRef"]["kind"] = "InferencePoolImport";
  one.cluster.space.api().create(one.cluster.space.objectives(), object);
  one.cluster.space.create_objective("hi", 4);
  const EppServer epp = one.cluster.start();
  EXPECT_TRUE(gets_priority(epp, "hi", "4"));
  EXPECT_TRUE(gets_priority(epp, "import", "0"));
  EXPECT_EQ(counted(epp, "6"), 0);
}

TEST(KubernetesWeakSpot, W30_TargetsWithoutWeightCountAsOne) {
  const OnePod one;
  one.cluster.space.create_rewrite("r", {"m"}, {{.model = "weighted", .weight = 1}, {.model = "plain"}});
  one.cluster.space.create_rewrite("empty", {"n"}, {});
  const EppServer epp = one.cluster.start();
  const Client client(epp.grpc_port());
  const auto seen = [&](const std::string& wanted) {
    return wait_until([&] { return rewritten(client, "m") == wanted; });
  };
  EXPECT_TRUE(seen("weighted"));
  EXPECT_TRUE(seen("plain"));
  EXPECT_EQ(rewritten(client, "n"), "n") << "a rule without targets is none";
}

TEST(KubernetesWeakSpot, W32_AnObjectiveWithoutPriorityStaysWithoutOne) {
  const OnePod one;
  one.cluster.space.create_objective("plain", {});
  one.cluster.space.create_objective("hi", 4);
  const EppServer epp = one.cluster.start();
  EXPECT_TRUE(gets_priority(epp, "hi", "4"));
  EXPECT_TRUE(gets_priority(epp, "plain", "0"));
  one.cluster.space.api().patch(one.cluster.space.objectives("plain"), {{"spec", {{"priority", 2}}}});
  EXPECT_TRUE(gets_priority(epp, "plain", "2"));
}

}  // namespace
}  // namespace epp::conformance
