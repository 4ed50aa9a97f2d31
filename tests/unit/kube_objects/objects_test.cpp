#include "kube/objects.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

Json parse(const char* text) {
  return Json::parse(text);
}

template <class T>
T good(Read<T> read) {
  if (const auto* invalid = std::get_if<Invalid>(&read)) {
    ADD_FAILURE() << invalid->field << " " << invalid->text;
    return {};
  }
  return std::get<T>(std::move(read));
}

template <class T>
std::string bad(const Read<T>& read) {
  const auto* invalid = std::get_if<Invalid>(&read);
  return invalid != nullptr ? invalid->field + " " + invalid->text : "valid";
}

// `base` with a merge patch over it.
Json with(Json base, const char* patch) {
  base.merge_patch(parse(patch));
  return base;
}

// ---------------------------------------------------------------------------------------------------------------- Pod

const Json kPod = parse(R"({
  "apiVersion": "v1", "kind": "Pod",
  "metadata": {"name": "p", "namespace": "ns", "uid": "u1", "resourceVersion": "17", "unknown": [1],
    "creationTimestamp": "2025-01-02T03:04:05Z", "labels": {"z": "1", "app": "m"},
    "annotations": {"llm-d.ai/active-ports": "8000", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
  "spec": {"anything": {"at": ["all"]}},
  "status": {"phase": "Running", "podIP": "10.0.0.5", "hostIP": "192.168.1.1",
    "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]}})");

TEST(PodView, ReadsWhatIsUsed) {
  const Pod pod = good(read_pod(kPod));
  EXPECT_EQ(pod.meta.key(), "ns/p");
  EXPECT_EQ(pod.meta.uid, "u1");
  EXPECT_EQ(pod.meta.resource_version, "17");
  EXPECT_EQ(pod.meta.labels, (Labels{{"app", "m"}, {"z", "1"}}));
  EXPECT_EQ(pod.meta.annotations, (Labels{{"llm-d.ai/active-ports", "8000"}}));
  EXPECT_EQ(pod.meta.created_ns, 1735787045'000'000'000);
  EXPECT_EQ(pod.pod_ip, "10.0.0.5");
  EXPECT_EQ(pod.host_ip, "192.168.1.1");
  EXPECT_TRUE(pod.ready());
}

TEST(PodView, Readiness) {
  const std::vector<std::pair<const char*, bool>> table = {
      {R"({})", true},
      {R"({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})", false},
      {R"({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})", false},
      {R"({"status": {"conditions": [{"type": "Ready"}]}})", false},
      {R"({"status": {"conditions": []}})", false},
      {R"({"status": {"conditions": null}})", false},
      {R"({"status": null})", false},
      {R"({"status": {"phase": "Failed"}})", true},
      {R"({"metadata": {"deletionTimestamp": "2025-01-02T03:04:05Z"}})", false},
      {R"({"metadata": {"deletionTimestamp": ""}})", true},
      {R"({"status": {"podIP": "fd00::5"}})", true},
  };
  for (const auto& [patch, ready] : table)
    EXPECT_EQ(good(read_pod(with(kPod, patch))).ready(), ready) << patch;
}

TEST(KubernetesWeakSpot, W13_AReadyPodWithoutAnAddressIsNotReady) {
  EXPECT_FALSE(good(read_pod(with(kPod, R"({"status": {"podIP": null}})"))).ready());
  EXPECT_FALSE(good(read_pod(with(kPod, R"({"status": {"podIP": ""}})"))).ready());
}

TEST(PodView, WhatIsWrongIsSaidWithItsPath) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {R"({"metadata": null})", "metadata.name must be there"},
      {R"({"metadata": 5})", "metadata must be an object"},
      {R"({"metadata": {"name": ""}})", "metadata.name must not be empty"},
      {R"({"metadata": {"name": 7}})", "metadata.name must be a string"},
      {R"({"metadata": {"uid": true}})", "metadata.uid must be a string"},
      {R"({"metadata": {"labels": []}})", "metadata.labels must be an object"},
      {R"({"metadata": {"labels": {"app": 5}}})", "metadata.labels[\"app\"] must be a string"},
      {R"({"metadata": {"creationTimestamp": "yesterday"}})", "metadata.creationTimestamp must be an RFC 3339 time"},
      {R"({"metadata": {"deletionTimestamp": 5}})", "metadata.deletionTimestamp must be a string"},
      {R"({"status": "x"})", "status must be an object"},
      {R"({"status": {"podIP": "not-an-ip"}})", "status.podIP must be an IP address"},
      {R"({"status": {"podIP": "10.0.0.5:80"}})", "status.podIP must be an IP address"},
      {R"({"status": {"podIP": 5}})", "status.podIP must be a string"},
      {R"({"status": {"conditions": {}}})", "status.conditions must be a list"},
      {R"({"status": {"conditions": [5]}})", "status.conditions[0] must be an object"},
      {R"({"status": {"conditions": [{"type": "A"}, null]}})", "status.conditions[1] must not be null"},
      {R"({"status": {"conditions": [{"type": 5}]}})", "status.conditions[0].type must be a string"},
  };
  for (const auto& [patch, text] : table)
    EXPECT_EQ(bad(read_pod(with(kPod, patch))), text) << patch;
  for (const char* text : {"null", "5", "\"x\"", "[]", "true", "1.5"})
    EXPECT_EQ(bad(read_pod(parse(text))), " must be an object");
}

// ------------------------------------------------------------------------------------------------------ InferencePool

const Json kPool = parse(R"({"metadata": {"name": "pool", "namespace": "ns", "uid": "u"},
  "spec": {"selector": {"matchLabels": {"app": "m", "a": ""}}, "targetPorts": [{"number": 8001}, {"number": 8000}],
           "appProtocol": "http", "endpointPickerRef": {"name": "epp"}},
  "status": {"parents": [{}]}})");

TEST(PoolView, ReadsWhatIsUsed) {
  const InferencePool pool = good(read_inference_pool(kPool));
  EXPECT_EQ(pool.match_labels, (Labels{{"a", ""}, {"app", "m"}}));
  EXPECT_EQ(pool.target_ports, (std::vector<std::uint16_t>{8001, 8000}));
  EXPECT_EQ(pool.app_protocol, "http");
  EXPECT_EQ(good(read_inference_pool(with(kPool, R"({"spec": {"appProtocol": null}})"))).app_protocol, "");
}

TEST(PoolView, WhatIsWrongIsSaidWithItsPath) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {R"({"spec": null})", "spec.selector.matchLabels must be there"},
      {R"({"spec": {"selector": {"matchLabels": null}}})", "spec.selector.matchLabels must be there"},
      {R"({"spec": {"selector": {"matchLabels": {"a": null, "app": null}}}})",
       "spec.selector.matchLabels must have 1..64 entries"},
      {R"({"spec": {"selector": {"matchLabels": {"a": "b_"}}}})", "spec.selector.matchLabels \"b_\" is no label value"},
      {R"({"spec": {"selector": {"matchLabels": {"a b": "c"}}}})", "spec.selector.matchLabels \"a b\" is no label key"},
      {R"({"spec": {"targetPorts": null}})", "spec.targetPorts must have 1..8 entries"},
      {R"({"spec": {"targetPorts": []}})", "spec.targetPorts must have 1..8 entries"},
      {R"({"spec": {"targetPorts": [{}]}})", "spec.targetPorts[0].number must be there"},
      {R"({"spec": {"targetPorts": [{"number": 0}]}})", "spec.targetPorts[0].number must be 1..65535"},
      {R"({"spec": {"targetPorts": [{"number": -1}]}})", "spec.targetPorts[0].number must be 1..65535"},
      {R"({"spec": {"targetPorts": [{"number": 8000}, {"number": 65536}]}})",
       "spec.targetPorts[1].number must be 1..65535"},
      {R"({"spec": {"targetPorts": [{"number": 18446744073709551615}]}})",
       "spec.targetPorts[0].number must be 1..65535"},
      {R"({"spec": {"targetPorts": [{"number": 8000.0}]}})", "spec.targetPorts[0].number must be an integer"},
      {R"({"spec": {"targetPorts": [{"number": "8000"}]}})", "spec.targetPorts[0].number must be an integer"},
      {R"({"spec": {"targetPorts": [{"number": 80}, {"number": 80}]}})", "spec.targetPorts[1].number must be unique"},
      {R"({"spec": {"targetPorts": [1,2,3,4,5,6,7,8,9]}})", "spec.targetPorts must have 1..8 entries"},
  };
  for (const auto& [patch, text] : table)
    EXPECT_EQ(bad(read_inference_pool(with(kPool, patch))), text) << patch;
}

TEST(PoolView, TheFormerVersionIsBroughtIntoTheSameForm) {
  const Json former = parse(R"({"metadata": {"name": "pool", "namespace": "ns"},
    "spec": {"selector": {"app": "m"}, "targetPortNumber": 8000, "extensionRef": {"name": "epp"}}})");
  const InferencePool pool = good(read_inference_pool_v1alpha2(former));
  EXPECT_EQ(pool.match_labels, (Labels{{"app", "m"}}));
  EXPECT_EQ(pool.target_ports, (std::vector<std::uint16_t>{8000}));
  EXPECT_EQ(pool.app_protocol, "");
  EXPECT_EQ(bad(read_inference_pool_v1alpha2(with(former, R"({"spec": {"targetPortNumber": null}})"))),
            "spec.targetPortNumber must be there");
  EXPECT_EQ(bad(read_inference_pool_v1alpha2(with(former, R"({"spec": {"selector": null}})"))),
            "spec.selector must be there");
}

// ----------------------------------------------------------------------------------------------- objective and rewrite

const Json kObjective = parse(R"({"metadata": {"name": "hi", "namespace": "ns"},
  "spec": {"priority": 4, "poolRef": {"name": "pool"}}})");

TEST(ObjectiveView, Reads) {
  const InferenceObjective objective = good(read_inference_objective(kObjective));
  EXPECT_EQ(objective.priority, 4);
  EXPECT_EQ(objective.pool.name, "pool");
  EXPECT_EQ(objective.pool.group, "inference.networking.k8s.io");
  EXPECT_EQ(objective.pool.kind, "InferencePool");
  EXPECT_EQ(good(read_inference_objective(with(kObjective, R"({"spec": {"priority": null}})"))).priority, std::nullopt);
  const auto priority = [](const char* patch) {
    return good(read_inference_objective(with(kObjective, patch))).priority;
  };
  EXPECT_EQ(priority(R"({"spec": {"priority": 2147483647}})"), 2147483647);
  EXPECT_EQ(priority(R"({"spec": {"priority": -2147483648}})"), -2147483647 - 1);
  const auto named =
      good(read_inference_objective(with(kObjective, R"({"spec": {"poolRef": {"group": "", "kind": "Other"}}})")));
  EXPECT_EQ(named.pool.group, "");
  EXPECT_EQ(named.pool.kind, "Other");
}

TEST(ObjectiveView, WhatIsWrongIsSaidWithItsPath) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {R"({"spec": null})", "spec.poolRef must be there"},
      {R"({"spec": {"poolRef": "pool"}})", "spec.poolRef must be an object"},
      {R"({"spec": {"poolRef": {"name": null}}})", "spec.poolRef.name must be there"},
      {R"({"spec": {"poolRef": {"group": 5}}})", "spec.poolRef.group must be a string"},
      {R"({"spec": {"priority": 2147483648}})", "spec.priority must be -2147483648..2147483647"},
      {R"({"spec": {"priority": 9223372036854775808}})", "spec.priority must be -2147483648..2147483647"},
      {R"({"spec": {"priority": 1.5}})", "spec.priority must be an integer"},
      {R"({"spec": {"priority": "high"}})", "spec.priority must be an integer"},
  };
  for (const auto& [patch, text] : table)
    EXPECT_EQ(bad(read_inference_objective(with(kObjective, patch))), text) << patch;
}

Json rewrite_of(const char* rules) {
  Json object = parse(R"({"metadata": {"name": "r", "namespace": "ns"}, "spec": {"poolRef": {"name": "pool"}}})");
  object["spec"]["rules"] = parse(rules);
  return object;
}

TEST(RewriteView, Reads) {
  const auto rewrite = good(read_inference_model_rewrite(rewrite_of(R"([
    {"matches": [{"model": {"type": "Exact", "value": "m"}}, {"model": {"value": "n"}}, {"model": {"value": "m"}}],
     "targets": [{"modelRewrite": "a", "weight": 90}, {"modelRewrite": "b"}]},
    {"targets": [{"modelRewrite": "g"}]},
    {"matches": [], "targets": []},
    {"matches": [{}], "targets": null}])")));
  ASSERT_EQ(rewrite.rules.size(), 4U);
  EXPECT_FALSE(rewrite.rules[0].generic);
  EXPECT_EQ(rewrite.rules[0].models, (std::vector<std::string>{"m", "n"}));
  ASSERT_EQ(rewrite.rules[0].targets.size(), 2U);
  EXPECT_EQ(rewrite.rules[0].targets[0].model, "a");
  EXPECT_EQ(rewrite.rules[0].targets[0].weight, 90);
  EXPECT_EQ(rewrite.rules[0].targets[1].weight, std::nullopt);
  EXPECT_TRUE(rewrite.rules[1].generic);
  EXPECT_TRUE(rewrite.rules[2].generic);
  EXPECT_TRUE(rewrite.rules[2].targets.empty());
  EXPECT_FALSE(rewrite.rules[3].generic) << "it has a match, which names no model: it can never match";
  EXPECT_TRUE(rewrite.rules[3].models.empty());
  ASSERT_TRUE(rewrite.pool);
  EXPECT_EQ(rewrite.pool->name, "pool");
}

TEST(RewriteView, WithoutAPool) {
  Json object = rewrite_of("[]");
  object["spec"].erase("poolRef");
  EXPECT_FALSE(good(read_inference_model_rewrite(object)).pool);
}

TEST(RewriteView, WhatIsWrongIsSaidWithItsPath) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {R"({})", "spec.rules must be a list"},
      {R"([5])", "spec.rules[0] must be an object"},
      {R"([{"matches": {}}])", "spec.rules[0].matches must be a list"},
      {R"([{}, {"matches": [{"model": {}}]}])", "spec.rules[1].matches[0].model.value must be there"},
      {R"([{"matches": [{"model": {"value": ""}}]}])", "spec.rules[0].matches[0].model.value must not be empty"},
      {R"([{"matches": [{"model": {"type": "Prefix", "value": "m"}}]}])",
       "spec.rules[0].matches[0].model.type must be Exact"},
      {R"([{"targets": [{}]}])", "spec.rules[0].targets[0].modelRewrite must be there"},
      {R"([{"targets": [{"modelRewrite": ""}]}])", "spec.rules[0].targets[0].modelRewrite must not be empty"},
      {R"([{"targets": [{"modelRewrite": "a", "weight": 0}]}])", "spec.rules[0].targets[0].weight must be 1..1000000"},
      {R"([{"targets": [{"modelRewrite": "a", "weight": 1000001}]}])",
       "spec.rules[0].targets[0].weight must be 1..1000000"},
  };
  for (const auto& [rules, text] : table)
    EXPECT_EQ(bad(read_inference_model_rewrite(rewrite_of(rules))), text) << rules;
}

// ------------------------------------------------------------------------------------------ lease, reviews, discovery

TEST(LeaseView, ReadsAndComparesTheRecordOnly) {
  const Json object = parse(R"({"metadata": {"name": "l", "namespace": "ns", "resourceVersion": "77"},
    "spec": {"holderIdentity": "h", "leaseDurationSeconds": 15, "acquireTime": "2025-01-02T03:04:05.000000Z",
             "renewTime": "2025-01-02T03:04:07.000000Z", "leaseTransitions": 3}})");
  const Lease lease = good(read_lease(object));
  EXPECT_EQ(lease.meta.resource_version, "77");
  EXPECT_EQ(lease.holder, "h");
  EXPECT_EQ(lease.duration_seconds, 15);
  EXPECT_EQ(lease.acquire_time, "2025-01-02T03:04:05.000000Z");
  EXPECT_EQ(lease.renew_time, "2025-01-02T03:04:07.000000Z");
  EXPECT_EQ(lease.transitions, 3);
  EXPECT_EQ(lease, good(read_lease(with(object, R"({"metadata": {"resourceVersion": "78"}})"))));
  EXPECT_NE(lease, good(read_lease(with(object, R"({"spec": {"renewTime": "2025-01-02T03:04:08.000000Z"}})"))));
  EXPECT_EQ(good(read_lease(with(object, R"({"spec": null})"))).holder, "");
  EXPECT_EQ(bad(read_lease(with(object, R"({"spec": {"leaseDurationSeconds": "15"}})"))),
            "spec.leaseDurationSeconds must be an integer");
}

TEST(ReviewViews, Read) {
  const TokenReview review = good(read_token_review(parse(R"({"status": {"authenticated": true, "error": "e",
    "user": {"username": "u", "uid": "1", "groups": ["g", "h"], "extra": {"k": ["v", "w"], "none": null}}}})")));
  EXPECT_TRUE(review.authenticated);
  EXPECT_EQ(review.username, "u");
  EXPECT_EQ(review.uid, "1");
  EXPECT_EQ(review.groups, (std::vector<std::string>{"g", "h"}));
  ASSERT_EQ(review.extra.size(), 2U);
  EXPECT_EQ(review.extra[0].second, (std::vector<std::string>{"v", "w"}));
  EXPECT_TRUE(review.extra[1].second.empty());
  EXPECT_EQ(review.error, "e");
  EXPECT_FALSE(good(read_token_review(parse(R"({"status": {}})"))).authenticated);
  EXPECT_EQ(bad(read_token_review(parse("{}"))), "status must be there");
  EXPECT_EQ(bad(read_token_review(parse(R"({"status": {"authenticated": "yes"}})"))),
            "status.authenticated must be true or false");
  EXPECT_EQ(bad(read_token_review(parse(R"({"status": {"user": {"groups": [1]}}})"))),
            "status.user.groups[0] must be a string");
  EXPECT_EQ(bad(read_token_review(parse(R"({"status": {"user": {"extra": []}}})"))),
            "status.user.extra must be an object");

  EXPECT_TRUE(good(read_access_review(parse(R"({"status": {"allowed": true, "denied": true}})"))));
  EXPECT_FALSE(good(read_access_review(parse(R"({"status": {"reason": "x"}})"))));
  EXPECT_EQ(bad(read_access_review(parse(R"({"status": null})"))), "status must be there");
}

TEST(ResourceListView, KindsWithoutSubresources) {
  const auto kinds = good(read_resource_kinds(parse(R"({"kind": "APIResourceList", "resources": [
    {"name": "inferenceobjectives", "kind": "InferenceObjective"},
    {"name": "inferenceobjectives/status", "kind": "Scale"},
    {"name": "others", "kind": "Other"}, {"name": "more", "kind": "Other"}]})")));
  EXPECT_EQ(kinds, (std::vector<std::string>{"InferenceObjective", "Other"}));
  EXPECT_TRUE(good(read_resource_kinds(parse("{}"))).empty());
  EXPECT_EQ(bad(read_resource_kinds(parse(R"({"resources": [{"name": "x"}]})"))), "resources[0].kind must be there");
}

}  // namespace
}  // namespace epp::kube
