#include "support/kube_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

using ::testing::HasSubstr;

unsigned status_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const KubeError& error) {
    return error.status();
  }
  return 200;
}

class KubeServerTest : public ::testing::Test {
 protected:
  KubeServer& server = KubeServer::shared();
  KubeNamespace space{server};
};

TEST_F(KubeServerTest, PodsAreAsSaid) {
  space.create_pod({.name = "a", .ip = "127.1.0.1", .annotations = {{"x", "y"}}});
  space.create_pod({.name = "b", .ready = false});
  const Json a = space.api().get(space.pods("a"));
  EXPECT_EQ(a.at("status").at("podIP"), "127.1.0.1");
  EXPECT_EQ(a.at("status").at("conditions").at(0).at("status"), "True");
  EXPECT_EQ(a.at("metadata").at("annotations").at("x"), "y");
  EXPECT_FALSE(space.api().get(space.pods("b")).at("status").contains("podIP"));
  space.set_ready("a", false);
  EXPECT_EQ(space.api().get(space.pods("a")).at("status").at("conditions").at(0).at("status"), "False");
}

TEST_F(KubeServerTest, DrainingIsNotDeleting) {
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  space.drain_pod("a");
  EXPECT_TRUE(space.api().get(space.pods("a")).at("metadata").contains("deletionTimestamp"));
  space.delete_pod("a");
  EXPECT_EQ(status_of([&] { space.api().get(space.pods("a")); }), 404U);
}

TEST_F(KubeServerTest, CrdsAreServedAndValidated) {
  space.create_pool({.ports = {8000, 8001}});
  space.patch_pool({{"selector", {{"matchLabels", {{"app", "n"}}}}}});
  space.create_objective("o", 4);
  space.create_objective("legacy", {}, "pool", "inference.networking.x-k8s.io");
  space.create_rewrite("r", {"m"}, {{.model = "t", .weight = 9}, {.model = "u"}});
  EXPECT_EQ(space.api().get(space.pools("pool")).at("spec").at("targetPorts").size(), 2U);
  EXPECT_EQ(space.api().get(space.objectives("o")).at("spec").at("priority"), 4);
  EXPECT_EQ(space.api().get(space.rewrites("r")).at("spec").at("rules").at(0).at("targets").size(), 2U);
  EXPECT_EQ(status_of([&] { space.create_pool({.name = "twice", .ports = {1, 1}}); }), 422U);
}

TEST_F(KubeServerTest, UsersHaveTheirRights) {
  const auto list = [&](KubeUser user, const std::string& collection) {
    const KubeApi api(server, user);
    return status_of([&] { api.get(collection); });
  };
  EXPECT_EQ(list(KubeUser::kEpp, space.rewrites()), 200U);
  EXPECT_EQ(list(KubeUser::kPodsOnly, space.pods()), 200U);
  EXPECT_EQ(list(KubeUser::kPodsOnly, space.rewrites()), 403U);
  EXPECT_EQ(list(KubeUser::kNobody, space.pods()), 403U);
  EXPECT_THAT(read_file(server.kubeconfig_file(KubeUser::kEpp, 1234)), HasSubstr("127.0.0.1:1234"));
}

TEST_F(KubeServerTest, RestartsWithItsDataAndForgetsThePast) {
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  const auto version = space.api().get(space.pods()).at("metadata").at("resourceVersion").get<std::string>();
  space.set_ready("a", false);
  server.kill();
  EXPECT_EQ(status_of([&] { space.api().get(space.pods("a")); }), 0U);
  server.start();
  server.compact();
  EXPECT_EQ(space.api().get(space.pods()).at("items").size(), 1U);
  const std::string watch =
      space.api().text("GET", space.pods() + "?watch=1&timeoutSeconds=5&resourceVersion=" + version);
  EXPECT_EQ(Json::parse(watch).at("object").at("code"), 410);
}

}  // namespace
}  // namespace epp::testing
