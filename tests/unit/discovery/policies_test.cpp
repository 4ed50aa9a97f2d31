#include "discovery/kubernetes/policies.h"

#include "discovery/kubernetes/api_groups.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

using kube::InferenceModelRewrite;
using kube::InferenceObjective;

InferenceObjective objective(const std::string& name, std::optional<std::int32_t> priority) {
  InferenceObjective made;
  made.meta.name = name;
  made.meta.name_space = "ns";
  made.pool.name = "pool";
  made.priority = priority;
  return made;
}

InferenceModelRewrite rewrite(const std::string& name, std::int64_t created, std::vector<std::string> models,
                              const std::string& target) {
  InferenceModelRewrite made;
  made.meta.name = name;
  made.meta.name_space = "ns";
  made.meta.created_ns = created;
  made.pool = kube::PoolRef{.name = "pool"};
  InferenceModelRewrite::Rule& rule = made.rules.emplace_back();
  rule.generic = models.empty();
  rule.models = std::move(models);
  rule.targets = {{target, std::nullopt}};
  return made;
}

template <class T>
Policies::Objects<T> objects(const std::vector<T>& all) {
  Policies::Objects<T> made;
  for (const T& one : all)
    made.emplace(one.meta.key(), one);
  return made;
}

class PoliciesTest : public testing::Test {
 protected:
  std::int32_t priority(std::string_view name) const { return table.find(name).value_or(objectives::Terms{}).priority; }
  std::string target(std::string_view model) const {
    const auto decision = rules.choose(model);
    return decision ? decision->target : "-";
  }

  objectives::ObjectiveTable table;
  objectives::RewriteTable rules;
  std::vector<std::string> pinned;
  Policies policies{table, rules, kube::PoolRef{.name = "pool"}, [this](const std::vector<std::string>& models) {
                      EXPECT_TRUE(rules.models().empty()) << "before they take effect";
                      pinned = models;
                    }};
};

class KubernetesCheck : public PoliciesTest {};
class KubernetesWeakSpot : public PoliciesTest {};

TEST_F(KubernetesCheck, C19_ObjectivesOfThisPoolOnly) {
  policies.set_pool_present(true);
  auto other_name = objective("other-name", 5);
  other_name.pool.name = "pool2";
  auto other_group = objective("other-group", 5);
  other_group.pool.group = "inference.networking.x-k8s.io";
  auto dying = objective("dying", 5);
  dying.meta.deleting = true;
  policies.set_objectives(objects<InferenceObjective>({objective("hi", 4), other_name, other_group, dying}));
  EXPECT_EQ(priority("hi"), 4);
  EXPECT_EQ(table.all().size(), 1U);
  EXPECT_EQ(policies.objectives(), 1U);
}

TEST_F(KubernetesWeakSpot, W18_TheKindIsChecked) {
  policies.set_pool_present(true);
  auto import = objective("import", 5);
  import.pool.kind = "InferencePoolImport";
  policies.set_objectives(objects<InferenceObjective>({import}));
  EXPECT_TRUE(table.all().empty());
}

TEST_F(KubernetesWeakSpot, W32_AnUnsetPriorityIsZeroAndAsksForNoBand) {
  policies.set_pool_present(true);
  policies.set_objectives(objects<InferenceObjective>({objective("unset", std::nullopt), objective("low", -1)}));
  EXPECT_EQ(table.find("unset"), objectives::Terms{});
  EXPECT_EQ(table.priorities(), (std::vector<std::int32_t>{-1}));
}

TEST_F(KubernetesCheck, C20_RewritesByPrecedence) {
  policies.set_pool_present(true);
  const auto a = rewrite("A", 1, {}, "g");
  const auto b = rewrite("B", 2, {"m1"}, "b");
  auto foreign = rewrite("C", 0, {"m1"}, "foreign");
  foreign.pool->name = "pool2";
  auto loose = rewrite("D", 0, {"m1"}, "loose");
  loose.pool.reset();
  policies.set_rewrites(objects<InferenceModelRewrite>({a, b, foreign, loose}));
  EXPECT_EQ(target("m1"), "b");
  EXPECT_EQ(target("m2"), "g");
  EXPECT_EQ(policies.rewrites(), 2U);
}

TEST_F(PoliciesTest, ModelNamesAreToldBeforeTheRulesCount) {
  policies.set_pool_present(true);
  policies.set_rewrites(objects<InferenceModelRewrite>({rewrite("B", 2, {"m1"}, "b")}));
  EXPECT_EQ(pinned, (std::vector<std::string>{"m1", "b"}));
}

TEST_F(KubernetesCheck, C24_W10_APoolThatComesBackHasThemAtOnce) {
  policies.set_objectives(objects<InferenceObjective>({objective("hi", 4)}));
  policies.set_rewrites(objects<InferenceModelRewrite>({rewrite("B", 2, {"m1"}, "b")}));
  EXPECT_EQ(priority("hi"), 0) << "there is no pool yet";
  EXPECT_EQ(target("m1"), "-");
  policies.set_pool_present(true);
  EXPECT_EQ(priority("hi"), 4);
  EXPECT_EQ(target("m1"), "b");
  policies.set_pool_present(false);
  EXPECT_EQ(priority("hi"), 0);
  EXPECT_TRUE(table.priorities().empty());
  EXPECT_EQ(target("m1"), "-");
  policies.set_pool_present(true);
  EXPECT_EQ(priority("hi"), 4);
  EXPECT_EQ(table.priorities(), (std::vector<std::int32_t>{4}));
  EXPECT_EQ(target("m1"), "b");
}

TEST(ApiGroups, TheFormerGroupOnlyWhenThePreferredSurelyHasNone) {
  const std::vector<std::string> kind = {"K"};
  const auto choose = [](const ServedKinds& served, std::string_view current) {
    return choose_api(served, "K", "new/v1", "old/v1", current);
  };
  EXPECT_EQ(choose({{"new/v1", kind}, {"old/v1", kind}}, ""), "new/v1");
  EXPECT_EQ(choose({{"new/v1", kind}}, ""), "new/v1");
  EXPECT_EQ(choose({{"new/v1", {}}, {"old/v1", kind}}, ""), "old/v1");
  EXPECT_EQ(choose({{"new/v1", {"Other"}}, {"old/v1", kind}}, ""), "old/v1");
  EXPECT_EQ(choose({{"old/v1", kind}}, ""), "") << "an error is no answer";
  EXPECT_EQ(choose({{"new/v1", {}}}, ""), "");
  EXPECT_EQ(choose({{"new/v1", {}}, {"old/v1", {}}}, "new/v1"), "new/v1");
  EXPECT_EQ(choose({}, "old/v1"), "old/v1");
  EXPECT_EQ(choose({{"new/v1", kind}}, "old/v1"), "new/v1") << "a CRD that came later";
}

TEST(ApiGroups, Paths) {
  EXPECT_EQ(collection_path(kPolicyApi, "ns", "inferenceobjectives"),
            "/apis/llm-d.ai/v1alpha2/namespaces/ns/inferenceobjectives");
  EXPECT_EQ(collection_path(kPoolApi, "a b?", "inferencepools"),
            "/apis/inference.networking.k8s.io/v1/namespaces/a%20b%3F/inferencepools");
}

}  // namespace
}  // namespace epp::discovery
