#include "discovery/kubernetes/pool_state.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

using endpoints::EndpointPtr;
using Names = std::vector<std::string>;
using std::chrono::seconds;

// A pod of the cluster, as the API server has it.
kube::Pod pod(const std::string& name, const std::string& app, bool ready = true, const std::string& uid = {}) {
  kube::Pod made;
  made.meta.name = name;
  made.meta.name_space = "ns";
  made.meta.uid = uid.empty() ? "uid-" + name : uid;
  made.meta.labels = {{"app", app}};
  made.pod_ip = "10.0.0.1";
  made.host_ip = "192.168.0.1";
  made.ready_condition = ready;
  return made;
}

PoolTerms terms(const std::string& app, std::vector<std::uint16_t> ports = {8080}) {
  return {kube::LabelSelector::equal_to({{"app", app}}), std::move(ports), "http"};
}

class PoolStateTest : public testing::Test {
 protected:
  // What the API server says to the watch that awaits its first list: the pods that match, wherever they are.
  void list(const std::vector<kube::Pod>& cluster) {
    const auto watches = state.watches();
    ASSERT_FALSE(watches.empty());
    list(watches.back().number, cluster);
  }
  void list(std::uint64_t watch, const std::vector<kube::Pod>& cluster) {
    PoolState::Pods all;
    std::vector<const kube::Pod*> upserted;
    for (const PoolState::Watch& wanted : state.watches()) {
      if (wanted.number != watch) continue;
      for (const kube::Pod& one : cluster) {
        if (!wanted.selector.matches(one.meta.labels)) continue;
        upserted.push_back(&all.insert_or_assign(one.meta.key(), one).first->second);
      }
    }
    state.take(watch, all, {}, upserted, true, now);
  }
  void changed(const kube::Pod& one) { changed(state.watches().front().number, one); }
  void changed(std::uint64_t watch, const kube::Pod& one) { state.take(watch, {}, {}, {&one}, false, now); }
  void gone(const kube::Pod& one) { state.take(state.watches().front().number, {}, {one}, {}, false, now); }

  Names names() const {
    Names all;
    const auto snapshot = table.snapshot();
    for (const auto slot : snapshot->slots())
      all.push_back(snapshot->endpoint(slot)->spec().name);
    std::sort(all.begin(), all.end());
    return all;
  }
  EndpointPtr endpoint(const std::string& name) const {
    const auto snapshot = table.snapshot();
    const auto* found = snapshot->find("ns/" + name);
    return found != nullptr ? snapshot->endpoint(found->slot()) : nullptr;
  }
  std::uint64_t uid(const std::string& name) const {
    const auto found = endpoint(name);
    return found ? found->uid() : 0;
  }

  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  Names warnings;
  PoolState state{table, "ns", seconds(60), [this](std::string_view pod, std::string_view text) {
                    warnings.push_back(std::string(pod) + " " + std::string(text));
                  }};
  PoolState::TimePoint now{seconds(1000)};
};

class KubernetesCheck : public PoolStateTest {};
class KubernetesWeakSpot : public PoolStateTest {};

// ------------------------------------------------------------------------------------- worked examples of section 6.6

TEST_F(PoolStateTest, WorkedExampleOfASelectorChange) {
  kube::Pod pod4 = pod("pod4", "v1");
  pod4.meta.name_space = "other";
  const std::vector<kube::Pod> cluster = {pod("pod1", "v1"), pod("pod2", "v1"), pod("pod3", "v1", false), pod4,
                                          pod("pod5", "v2")};
  state.set_pool(terms("v1"));
  EXPECT_FALSE(state.synced());
  list(cluster);
  EXPECT_TRUE(state.synced());
  EXPECT_EQ(names(), (Names{"pod1-rank-0", "pod2-rank-0"}));

  state.set_pool(terms("v2"));
  EXPECT_EQ(names(), (Names{"pod1-rank-0", "pod2-rank-0"})) << "until the new list is complete";
  EXPECT_EQ(state.watches().size(), 2U);
  list(cluster);
  EXPECT_EQ(names(), (Names{"pod5-rank-0"}));
  EXPECT_EQ(state.watches().size(), 1U);

  const auto before = uid("pod5-rank-0");
  state.set_pool(terms("v2", {9090}));
  EXPECT_EQ(endpoint("pod5-rank-0")->host_port(), "10.0.0.1:9090");
  EXPECT_EQ(endpoint("pod5-rank-0")->metrics_host(), "10.0.0.1:9090");
  EXPECT_EQ(uid("pod5-rank-0"), before);
  EXPECT_EQ(state.watches().size(), 1U) << "ports are no reason to watch anew";

  state.clear_pool();
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(table.suspended(), 0U);
  EXPECT_FALSE(state.synced());
  EXPECT_TRUE(state.watches().empty());
}

TEST_F(PoolStateTest, WorkedExampleOfThePortList) {
  state.set_pool(terms("m", {8000}));
  list({pod("p", "m")});
  EXPECT_EQ(names(), (Names{"p-rank-0"}));
  state.set_pool(terms("m", {8000, 8001}));
  EXPECT_EQ(names(), (Names{"p-rank-0", "p-rank-1"}));
  EXPECT_EQ(endpoint("p-rank-1")->host_port(), "10.0.0.1:8001");
  EXPECT_EQ(endpoint("p-rank-1")->abi().rank, 1U);
  state.set_pool(terms("m", {8001}));
  EXPECT_EQ(names(), (Names{"p-rank-0"}));
  EXPECT_EQ(endpoint("p-rank-0")->host_port(), "10.0.0.1:8001");
  EXPECT_EQ(table.suspended(), 0U);
}

TEST_F(PoolStateTest, AnEndpointIsWhatThePodSays) {
  state.set_pool(terms("m", {8000}));
  kube::Pod one = pod("p", "m");
  one.pod_ip = "fd00::5";
  one.meta.labels = {{"app", "m"}, {"llm-d.ai/role", "decode"}};
  list({one});
  const auto made = endpoint("p-rank-0");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->id(), "ns/p-rank-0");
  EXPECT_EQ(made->host_port(), "[fd00::5]:8000");
  EXPECT_EQ(made->metrics_host(), "[fd00::5]:8000");
  EXPECT_EQ(made->spec().workload, "p");
  EXPECT_EQ(made->spec().node_address, "192.168.0.1");
  ASSERT_NE(made->label("llm-d.ai/role"), nullptr);
  EXPECT_EQ(*made->label("llm-d.ai/role"), "decode");
}

// --------------------------------------------------------------------------------------------- flaps and suspension

TEST_F(KubernetesCheck, C07_AReadinessFlapKeepsTheEndpoint) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  const auto before = uid("p-rank-0");
  changed(pod("p", "m", false));
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(table.suspended(), 1U);
  now += std::chrono::hours(24);
  EXPECT_EQ(state.forget(now), std::nullopt) << "as long as the pod is there";
  changed(pod("p", "m"));
  EXPECT_EQ(uid("p-rank-0"), before);
  EXPECT_EQ(table.suspended(), 0U);
}

TEST_F(PoolStateTest, ALabelFlapKeepsTheEndpointForAWhile) {
  state.set_pool(terms("m"));
  list({pod("p", "m"), pod("q", "m")});
  const auto before = uid("p-rank-0");
  gone(pod("p", "other"));
  gone(pod("q", "other"));
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(state.pods(), 0U);
  EXPECT_EQ(table.suspended(), 2U);
  EXPECT_EQ(state.forget(now), now + seconds(60));

  now += seconds(59);
  EXPECT_EQ(state.forget(now), now + seconds(1));
  changed(pod("p", "m"));
  EXPECT_EQ(uid("p-rank-0"), before);
  EXPECT_EQ(state.pods(), 1U);

  now += seconds(1);
  EXPECT_EQ(state.forget(now), std::nullopt);
  EXPECT_EQ(table.suspended(), 0U) << "q has been away for too long, p is back";
  EXPECT_EQ(names(), (Names{"p-rank-0"}));
  changed(pod("q", "m"));
  EXPECT_GT(uid("q-rank-0"), before + 1) << "a new one";
}

TEST_F(PoolStateTest, LeavingTwiceCountsFromTheSecondTime) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  gone(pod("p", "other"));
  now += seconds(50);
  changed(pod("p", "m"));
  gone(pod("p", "other"));
  now += seconds(20);
  EXPECT_EQ(state.forget(now), now + seconds(40));
  EXPECT_EQ(table.suspended(), 1U);
  now += seconds(40);
  EXPECT_EQ(state.forget(now), std::nullopt);
  EXPECT_EQ(table.suspended(), 0U);
}

TEST_F(KubernetesCheck, C08_APodBeingDeletedIsGoneAtOnce) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  kube::Pod dying = pod("p", "m");
  dying.meta.deleting = true;
  changed(dying);
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(table.suspended(), 0U);
  gone(dying);
  EXPECT_EQ(state.pods(), 0U);
}

TEST_F(PoolStateTest, AForcedDeletionIsForgottenInTime) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  gone(pod("p", "m"));  // its last state bears no deletionTimestamp
  EXPECT_EQ(names(), Names{});
  now += seconds(60);
  state.forget(now);
  EXPECT_EQ(table.suspended(), 0U);
}

TEST_F(KubernetesCheck, C36_NoAddressNoEndpoint) {
  state.set_pool(terms("m"));
  kube::Pod bare = pod("p", "m");
  bare.pod_ip.clear();
  list({bare});
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(state.pods(), 1U);
}

TEST_F(PoolStateTest, ANewAddressIsAnUpdate) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  const auto before = uid("p-rank-0");
  kube::Pod moved = pod("p", "m");
  moved.pod_ip = "10.0.0.9";
  changed(moved);
  EXPECT_EQ(endpoint("p-rank-0")->host_port(), "10.0.0.9:8080");
  EXPECT_EQ(uid("p-rank-0"), before);
}

// A StatefulSet makes its pods anew under the same name.
TEST_F(KubernetesWeakSpot, W12_AnotherUidIsAnotherEndpoint) {
  state.set_pool(terms("m"));
  list({pod("p", "m", true, "first")});
  const auto before = uid("p-rank-0");
  changed(pod("p", "m", false, "second"));  // the deletion of the first was never seen
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(table.suspended(), 0U) << "nothing of the first is kept for the second";
  changed(pod("p", "m", true, "second"));
  EXPECT_NE(uid("p-rank-0"), before);

  const auto second = uid("p-rank-0");
  gone(pod("p", "m", true, "first"));
  EXPECT_EQ(uid("p-rank-0"), second) << "late news of the first do not concern the second";
}

TEST_F(PoolStateTest, ReplacedWithinOneBatch) {
  state.set_pool(terms("m"));
  list({pod("p", "m", true, "first")});
  const auto before = uid("p-rank-0");
  const kube::Pod second = pod("p", "m", true, "second");
  state.take(state.watches().front().number, {}, {pod("p", "m", true, "first")}, {&second}, false, now);
  EXPECT_NE(uid("p-rank-0"), before);
  EXPECT_EQ(table.suspended(), 0U);
  EXPECT_EQ(state.pods(), 1U);
}

// ------------------------------------------------------------------------------------------------- ports that are
// active

kube::Pod annotated(const std::string& value) {
  kube::Pod one = pod("p", "m");
  one.meta.annotations = {{std::string(kActivePorts), value}};
  return one;
}

TEST_F(KubernetesCheck, C10_ActivePortsChooseTheRanks) {
  state.set_pool(terms("m", {8000, 8001, 8002, 8003}));
  list({annotated("8000,8002")});
  EXPECT_EQ(names(), (Names{"p-rank-0", "p-rank-2"}));
  const auto before = uid("p-rank-2");
  changed(annotated("8001"));
  EXPECT_EQ(names(), (Names{"p-rank-1"}));
  changed(annotated("8002"));
  EXPECT_EQ(names(), (Names{"p-rank-2"}));
  EXPECT_EQ(uid("p-rank-2"), before);
  changed(annotated(""));
  EXPECT_EQ(names(), Names{});
  changed(pod("p", "m"));
  EXPECT_EQ(names().size(), 4U);
}

TEST_F(KubernetesWeakSpot, W14_AnOddAnnotationIsToldOncePerPod) {
  state.set_pool(terms("m", {8000, 8001}));
  list({annotated("8000,x")});
  changed(annotated("8000,x"));
  changed(annotated("8001,x"));
  EXPECT_EQ(warnings, (Names{"ns/p annotation llm-d.ai/active-ports: 1 item is no target port of the pool: \"x\""}));
  changed(annotated("8001"));
  changed(annotated("y"));
  EXPECT_EQ(warnings.size(), 2U);
}

// ---------------------------------------------------------------------------------------------------- pool and watches

// What an event of a pod saw of the pool does not matter; what the pool is does.
TEST_F(KubernetesWeakSpot, W11_ALatePodEventDoesNotBringARankBack) {
  state.set_pool(terms("m", {8000, 8001}));
  list({pod("p", "m")});
  state.set_pool(terms("m", {8000}));
  changed(pod("p", "m"));
  EXPECT_EQ(names(), (Names{"p-rank-0"}));
}

TEST_F(KubernetesCheck, C12_PodsThatMatchBothSelectorsAreNeverDropped) {
  kube::Pod both = pod("both", "m");
  both.meta.labels = {{"app", "m"}, {"tier", "gold"}};
  const std::vector<kube::Pod> cluster = {both, pod("plain", "m")};
  state.set_pool(terms("m"));
  list(cluster);
  const auto before = uid("both-rank-0");

  PoolTerms gold = terms("m");
  gold.selector = kube::LabelSelector::equal_to({{"tier", "gold"}});
  const auto generation = table.snapshot()->generation();
  state.set_pool(gold);
  EXPECT_EQ(table.snapshot()->generation(), generation);
  list(cluster);
  EXPECT_EQ(table.snapshot()->generation(), generation + 1);
  EXPECT_EQ(names(), (Names{"both-rank-0"}));
  EXPECT_EQ(uid("both-rank-0"), before);
}

TEST_F(PoolStateTest, TheFormerWatchCountsUntilTheNewListIsThere) {
  state.set_pool(terms("v1"));
  list({pod("a", "v1")});
  const auto former = state.watches().front().number;
  state.set_pool(terms("v2"));
  const auto coming = state.watches().back().number;
  ASSERT_NE(former, coming);

  changed(former, pod("b", "v1"));
  EXPECT_EQ(names(), (Names{"a-rank-0", "b-rank-0"}));
  changed(coming, pod("c", "v2"));
  EXPECT_EQ(names(), (Names{"a-rank-0", "b-rank-0"})) << "not before its list is complete";
  list(coming, {pod("c", "v2"), pod("d", "v2")});
  EXPECT_EQ(names(), (Names{"c-rank-0", "d-rank-0"}));
  changed(former, pod("e", "v1"));
  EXPECT_EQ(names(), (Names{"c-rank-0", "d-rank-0"})) << "nobody listens to the former one any more";
}

TEST_F(PoolStateTest, ASelectorThatIsTakenBackNeedsNoNewWatch) {
  state.set_pool(terms("v1"));
  list({pod("a", "v1")});
  const auto watch = state.watches().front().number;
  state.set_pool(terms("v2"));
  const auto coming = state.watches().back().number;
  state.set_pool(terms("v1"));
  ASSERT_EQ(state.watches().size(), 1U);
  EXPECT_EQ(state.watches().front().number, watch);
  state.take(coming, {}, {}, {}, true, now);
  EXPECT_EQ(names(), (Names{"a-rank-0"}));
}

TEST_F(PoolStateTest, APoolThatComesBackListsItsPodsAnew) {
  state.set_pool(terms("m"));
  list({pod("a", "m")});
  const auto former = state.watches().front().number;
  state.clear_pool();
  state.set_pool(terms("m"));
  EXPECT_FALSE(state.synced());
  changed(former, pod("b", "m"));
  EXPECT_EQ(names(), Names{});
  list({pod("c", "m")});
  EXPECT_TRUE(state.synced());
  EXPECT_EQ(names(), (Names{"c-rank-0"}));
}

TEST_F(PoolStateTest, SyncedWithoutAnyPod) {
  state.set_pool(terms("m"));
  list({});
  EXPECT_TRUE(state.synced());
  EXPECT_EQ(names(), Names{});
}

TEST_F(KubernetesCheck, C35_PodsOfOtherNamespacesAreNobodysBusiness) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  kube::Pod foreign = pod("p", "m");
  foreign.meta.name_space = "other";
  changed(foreign);
  gone(foreign);
  EXPECT_EQ(names(), (Names{"p-rank-0"}));
  EXPECT_EQ(table.suspended(), 0U);
}

TEST_F(KubernetesCheck, C15_AListThatLacksAPodRemovesItAndKeepsTheOthers) {
  state.set_pool(terms("m"));
  list({pod("a", "m"), pod("b", "m")});
  const auto before = uid("a-rank-0");
  state.take(state.watches().front().number, {}, {pod("b", "m")}, {}, true, now);
  EXPECT_EQ(names(), (Names{"a-rank-0"}));
  EXPECT_EQ(uid("a-rank-0"), before);
}

TEST_F(PoolStateTest, AWholeListIsOnePublication) {
  state.set_pool(terms("m", {8000, 8001}));
  std::vector<kube::Pod> cluster;
  for (int i = 0; i < 50; ++i)
    cluster.push_back(pod("p" + std::to_string(i), "m"));
  const auto generation = table.snapshot()->generation();
  list(cluster);
  EXPECT_EQ(names().size(), 100U);
  EXPECT_EQ(table.snapshot()->generation(), generation + 1);
}

// What a server says that does not heed the selector.
TEST_F(PoolStateTest, PodsThatDoNotMatchAreNotTaken) {
  state.set_pool(terms("m"));
  list({pod("p", "m")});
  changed(pod("foreign", "other"));
  EXPECT_EQ(names(), (Names{"p-rank-0"}));
  changed(pod("p", "other"));
  EXPECT_EQ(names(), Names{});
}

}  // namespace
}  // namespace epp::discovery
