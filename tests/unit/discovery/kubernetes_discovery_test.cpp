// The discovery as a whole against a real API server.
#include "discovery/kubernetes/kubernetes_discovery.h"

#include "endpoints/endpoint_table.h"
#include "kube/cluster_config.h"
#include "net/io_pool.h"
#include "objectives/objective_table.h"
#include "objectives/rewrite_table.h"
#include "support/kube_api.h"
#include "support/wait.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

using testing::Json;
using testing::KubeNamespace;
using testing::KubeServer;
using testing::KubeUser;
using testing::wait_until;
using Names = std::vector<std::string>;

class Heard final : public KubernetesObserver {
 public:
  void on_pool(std::string_view text) override { note("pool", text); }
  void on_warning(std::string_view object, std::string_view text) override { note(object, text); }
  void on_invalid(std::string_view resource, std::string_view object, const kube::Invalid& why) override {
    note(std::string(resource) + " " + std::string(object), why.field + " " + why.text);
  }
  void on_failed(std::string_view resource, std::string_view text, std::chrono::milliseconds) override {
    note(resource, text);
  }
  Names all() const {
    std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  void note(std::string_view what, std::string_view text) {
    std::lock_guard lock(mutex_);
    notes_.push_back(std::string(what) + ": " + std::string(text));
  }
  mutable std::mutex mutex_;
  Names notes_;
};

class KubernetesDiscoveryTest : public ::testing::Test {
 protected:
  void follow(KubernetesDiscoveryOptions options = {}, KubeUser user = KubeUser::kEpp) {
    auto sources = kube::process_sources();
    sources.kubeconfig = server.kubeconfig_file(user).string();
    client = std::make_unique<kube::Client>(pool, kube::load_cluster_config(sources));
    options.name_space = space.name();
    if (!options.selector) {
      options.pool_name = "pool";
      if (options.pool_group.empty()) options.pool_group = "inference.networking.k8s.io";
    }
    discovery =
        std::make_unique<KubernetesDiscovery>(*client, pool, table, objectives, rewrites, std::move(options), &heard);
    discovery->start();
  }

  Names names() const {
    Names all;
    const auto snapshot = table.snapshot();
    for (const auto slot : snapshot->slots())
      all.push_back(snapshot->endpoint(slot)->spec().name);
    std::sort(all.begin(), all.end());
    return all;
  }
  [[nodiscard]] bool become(const Names& wanted) const {
    return wait_until([&] { return names() == wanted; });
  }
  std::uint64_t uid(const std::string& name) const {
    const auto snapshot = table.snapshot();
    const auto* found = snapshot->find(space.name() + "/" + name);
    return found != nullptr ? found->uid() : 0;
  }
  std::int32_t priority(std::string_view name) const {
    return objectives.find(name).value_or(objectives::Terms{}).priority;
  }
  std::string target(std::string_view model) const {
    const auto decision = rewrites.choose(model);
    return decision ? decision->target : "-";
  }

  KubeServer& server = KubeServer::shared();
  KubeNamespace space{server};
  net::IoPool pool{2};
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  objectives::ObjectiveTable objectives;
  objectives::RewriteTable rewrites;
  Heard heard;
  std::unique_ptr<kube::Client> client;
  std::unique_ptr<KubernetesDiscovery> discovery;
};

TEST_F(KubernetesDiscoveryTest, FollowsPoolAndPods) {
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  space.create_pod({.name = "b", .ip = "127.1.0.2", .labels = {{"app", "n"}}});
  follow();
  EXPECT_FALSE(discovery->synced());
  space.create_pool({.app_protocol = "http"});
  ASSERT_TRUE(become({"a-rank-0"}));
  EXPECT_TRUE(wait_until([&] { return discovery->synced(); }));
  EXPECT_EQ(discovery->app_protocol(), "http");

  const auto before = uid("a-rank-0");
  space.set_ready("a", false);
  ASSERT_TRUE(become({}));
  space.set_ready("a", true);
  ASSERT_TRUE(become({"a-rank-0"}));
  EXPECT_EQ(uid("a-rank-0"), before);

  space.patch_pod("a", {{"metadata", {{"labels", {{"app", "other"}}}}}});
  ASSERT_TRUE(become({}));
  space.patch_pod("a", {{"metadata", {{"labels", {{"app", "m"}}}}}});
  ASSERT_TRUE(become({"a-rank-0"}));
  EXPECT_EQ(uid("a-rank-0"), before);

  space.patch_pool({{"targetPorts", {{{"number", 8000}}, {{"number", 8001}}}}});
  ASSERT_TRUE(become({"a-rank-0", "a-rank-1"}));
  space.patch_pool({{"selector", {{"matchLabels", {{"app", "n"}}}}}});
  ASSERT_TRUE(become({"b-rank-0", "b-rank-1"}));

  space.delete_pod("b");
  space.create_pod({.name = "b", .ip = "127.1.0.3", .labels = {{"app", "n"}}});
  ASSERT_TRUE(become({"b-rank-0", "b-rank-1"}));
  space.drain_pod("b");
  ASSERT_TRUE(become({}));

  const Json state = Json::parse(discovery->state_json());
  EXPECT_EQ(state.at("mode"), "pool");
  EXPECT_EQ(state.at("pods"), 1);
  EXPECT_EQ(state.at("pool").at("selector"), "app=n");
  EXPECT_EQ(state.at("watches").at("pods").at("synced"), true);
}

TEST_F(KubernetesDiscoveryTest, ObjectivesAndRewritesSurviveThePool) {
  space.create_pool();
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  space.create_objective("hi", 4);
  space.create_objective("hi-legacy", 7, "pool", "inference.networking.x-k8s.io");
  space.create_rewrite("r", {"m1"}, {{.model = "b"}});
  follow();
  ASSERT_TRUE(become({"a-rank-0"}));
  ASSERT_TRUE(wait_until([&] { return priority("hi") == 4 && target("m1") == "b"; }));
  EXPECT_EQ(priority("hi-legacy"), 0) << "C22: both groups are served";
  EXPECT_THAT(heard.all(), ::testing::Contains(::testing::HasSubstr("those of the latter are ignored")));

  space.delete_pool();
  ASSERT_TRUE(wait_until([&] { return !discovery->synced() && names().empty(); }));
  EXPECT_EQ(priority("hi"), 0);
  EXPECT_EQ(target("m1"), "-");
  space.create_pool();
  ASSERT_TRUE(wait_until([&] { return discovery->synced(); }));
  EXPECT_EQ(priority("hi"), 4);
  EXPECT_EQ(target("m1"), "b");
  EXPECT_EQ(names(), (Names{"a-rank-0"}));

  space.delete_rewrite("r");
  EXPECT_TRUE(wait_until([&] { return target("m1") == "-"; }));
}

TEST_F(KubernetesDiscoveryTest, WhatStaysAwayIsForgottenInTime) {
  space.create_pool();
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  space.create_pod({.name = "b", .ip = "127.1.0.2"});
  KubernetesDiscoveryOptions options;
  options.forget_after = std::chrono::milliseconds(100);
  follow(options);
  ASSERT_TRUE(become({"a-rank-0", "b-rank-0"}));
  const auto before = uid("a-rank-0");
  for (const char* pod : {"a", "b"})
    space.patch_pod(pod, {{"metadata", {{"labels", {{"app", "other"}}}}}});
  ASSERT_TRUE(become({}));
  EXPECT_TRUE(wait_until([&] { return table.suspended() == 0; }));
  space.patch_pod("a", {{"metadata", {{"labels", {{"app", "m"}}}}}});
  ASSERT_TRUE(become({"a-rank-0"}));
  EXPECT_NE(uid("a-rank-0"), before);
}

TEST_F(KubernetesDiscoveryTest, SelectorModeNeedsPodsAlone) {
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  space.create_pod({.name = "b", .ip = "127.1.0.2", .labels = {{"app", "n"}}});
  KubernetesDiscoveryOptions options;
  options.selector = std::get<kube::LabelSelector>(kube::LabelSelector::parse("app in (m),!old"));
  options.target_ports = {8000, 8001};
  follow(options, KubeUser::kPodsOnly);
  ASSERT_TRUE(become({"a-rank-0", "a-rank-1"}));
  EXPECT_TRUE(wait_until([&] { return discovery->synced(); }));
  EXPECT_EQ(discovery->app_protocol(), "");
  EXPECT_EQ(Json::parse(discovery->state_json()).at("mode"), "selector");
}

TEST_F(KubernetesDiscoveryTest, WithoutRightsToPoliciesThePoolStillSyncs) {
  space.create_pool();
  space.create_objective("hi", 4);
  follow({}, KubeUser::kPodsOnly);
  EXPECT_TRUE(wait_until([&] { return discovery->synced(); }));
  EXPECT_EQ(priority("hi"), 0);
}

TEST_F(KubernetesDiscoveryTest, AFormerPoolIsFollowedWhenItsGroupIsAskedFor) {
  space.create_pod({.name = "a", .ip = "127.1.0.1"});
  space.api().create(
      "/apis/inference.networking.x-k8s.io/v1alpha2/namespaces/" + space.name() + "/inferencepools",
      {{"apiVersion", "inference.networking.x-k8s.io/v1alpha2"},
       {"kind", "InferencePool"},
       {"metadata", {{"name", "pool"}}},
       {"spec", {{"selector", {{"app", "m"}}}, {"targetPortNumber", 8000}, {"extensionRef", {{"name", "epp"}}}}}});
  KubernetesDiscoveryOptions options;
  options.pool_group = "inference.networking.x-k8s.io";
  follow(options);
  ASSERT_TRUE(become({"a-rank-0"}));
  space.create_pool({.ports = {8000, 8001}});
  EXPECT_TRUE(become({"a-rank-0", "a-rank-1"})) << "the pool of v1 wins";
}

TEST_F(KubernetesDiscoveryTest, StopsInTheMiddleOfThings) {
  space.create_pool();
  for (int i = 0; i < 5; ++i) {
    follow();
    space.create_pod({.name = "p" + std::to_string(i), .ip = "127.1.0.1"});
    discovery->stop();
    const auto size = names().size();
    space.create_pod({.name = "q" + std::to_string(i), .ip = "127.1.0.1"});
    EXPECT_EQ(names().size(), size);
    discovery.reset();
    client.reset();
  }
}

}  // namespace
}  // namespace epp::discovery
