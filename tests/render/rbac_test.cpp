// What the EPP's account may do: all that it needs, and nothing else. A real API server is asked.
#include "render/helm.h"
#include "render/kube_room.h"
#include "support/epp_server.h"
#include "support/files.h"
#include "support/http_client.h"
#include "support/model_sim.h"
#include "support/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

struct Right {
  const char* verb;
  const char* group;
  const char* resource;
  const char* name = "";
};

constexpr const char* kPools = "inference.networking.k8s.io";
constexpr const char* kLegacy = "inference.networking.x-k8s.io";
constexpr const char* kLeases = "coordination.k8s.io";

class Account {
 public:
  Account(std::string name_space, std::string name)
      : name_space_(std::move(name_space)), user_("system:serviceaccount:" + name_space_ + ":" + std::move(name)) {}

  bool may(const Right& right) const { return may(right, name_space_); }

  // An empty namespace means all of them, or none if the resource has no namespace.
  bool may(const Right& right, const std::string& name_space) const {
    return ask({"resourceAttributes",
                {{"verb", right.verb},
                 {"group", right.group},
                 {"resource", right.resource},
                 {"name", right.name},
                 {"namespace", name_space}}});
  }

  bool may_get(const std::string& path) const {
    return ask({"nonResourceAttributes", {{"verb", "get"}, {"path", path}}});
  }

 private:
  bool ask(const std::pair<std::string, Json>& what) const {
    const Json review = KubeRoom::shared().api.create(
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {{"apiVersion", "authorization.k8s.io/v1"},
         {"kind", "SubjectAccessReview"},
         {"spec", {{"user", user_}, {"groups", {"system:authenticated"}}, {what.first, what.second}}}});
    return review.at("status").at("allowed");
  }

  std::string name_space_;
  std::string user_;
};

std::string text_of(const Right& right) {
  return std::string(right.verb) + ' ' + right.group + '/' + right.resource + ' ' + right.name;
}

using Replacements = std::vector<std::pair<std::string, std::string>>;

// Creates what the objects say about accounts and rights in `name_space`, with texts replaced so that nothing is there
// twice.
void grant(const std::vector<KubeObject>& objects, const std::string& name_space, const Replacements& replacements) {
  for (KubeObject object : objects) {
    if (object.api_version != "rbac.authorization.k8s.io/v1" && object.kind != "ServiceAccount") continue;
    for (const auto& [what, by] : replacements) {
      for (std::size_t at = 0; (at = object.text.find(what, at)) != std::string::npos; at += by.size())
        object.text.replace(at, what.size(), by);
    }
    object.name_space.clear();  // the one above
    KubeRoom::shared().objects.create(object, name_space);
  }
}

void create_namespace(const std::string& name) {
  KubeRoom::shared().api.create("/api/v1/namespaces", {{"metadata", {{"name", name}}}});
}

// Those of configs/kubernetes.
void grant_manifests(const std::string& name_space) {
  std::string text;
  for (const char* file : {"configs/kubernetes/rbac.yaml", "configs/kubernetes/metrics-reader.yaml"})
    text += "---\n" + read_file(source_file(file));
  grant(read_objects(text), name_space,
        {{"namespace: default", "namespace: " + name_space},
         {"name: epp-metrics", "name: " + name_space + "-epp-metrics"},  // of cluster roles
         {"epp-default-", "epp-" + name_space + "-"}});                  // of the lease
}

Account chart_account(const std::string& values, const std::string& name_space,
                      const std::vector<std::string>& settings = {}) {
  const HelmResult result = Chart("gateway").render(values_file(values), settings);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  create_namespace(name_space);
  grant(read_objects(result.manifests), name_space,
        {{"namespace: ns", "namespace: " + name_space},
         {"name: ns-", "name: " + name_space + "-"},  // of cluster roles
         {"epp-ns-", "epp-" + name_space + "-"}});    // of the lease
  return {name_space, "qwen-epp"};
}

const std::vector<Right> kPodRights{{"list", "", "pods"}, {"watch", "", "pods"}};
const std::vector<Right> kPoolRights{{"list", kPools, "inferencepools"},
                                     {"watch", kPools, "inferencepools"},
                                     {"list", "llm-d.ai", "inferenceobjectives"},
                                     {"watch", "llm-d.ai", "inferenceobjectives"},
                                     {"list", "llm-d.ai", "inferencemodelrewrites"},
                                     {"watch", "llm-d.ai", "inferencemodelrewrites"},
                                     {"list", kLegacy, "inferenceobjectives"},
                                     {"watch", kLegacy, "inferencemodelrewrites"}};
const std::vector<Right> kReviews{{"create", "authentication.k8s.io", "tokenreviews"},
                                  {"create", "authorization.k8s.io", "subjectaccessreviews"}};
// Of a pool `qwen`; the namespace is part of the lease's name.
std::vector<Right> election_rights(const char* lease) {
  return {{"create", kLeases, "leases"},
          {"get", kLeases, "leases", lease},
          {"update", kLeases, "leases", lease},
          {"create", "", "events"}};
}

// The API server takes a moment to know what was granted.
void expect_all(const Account& account, const std::vector<Right>& rights) {
  for (const Right& right : rights)
    EXPECT_TRUE(testing::wait_until([&] { return account.may(right); })) << text_of(right);
}

void expect_none(const Account& account, const std::vector<Right>& rights) {
  for (const Right& right : rights)
    EXPECT_FALSE(account.may(right)) << text_of(right);
}

const std::vector<Right> kNever{{"get", "", "secrets"},
                                {"list", "", "secrets"},
                                {"get", "", "configmaps"},
                                {"create", "", "pods"},
                                {"delete", "", "pods"},
                                {"patch", "", "pods"},
                                {"create", "", "pods/exec"},
                                {"list", "", "services"},
                                {"list", "", "nodes"},
                                {"update", kPools, "inferencepools"},
                                {"update", kPools, "inferencepools/status"},
                                {"delete", "llm-d.ai", "inferenceobjectives"},
                                {"delete", kLeases, "leases"},
                                {"list", kLeases, "leases"},
                                {"create", "rbac.authorization.k8s.io", "rolebindings"},
                                {"impersonate", "", "users"}};

TEST(ChartRbac, OneReplicaReadsItsPool) {
  const Account epp = chart_account("gateway-default", "rbac-default");
  expect_all(epp, kPodRights);
  expect_all(epp, kPoolRights);
  expect_none(epp, kNever);
  expect_none(epp, election_rights("epp-rbac-default-qwen.llm-d.ai"));
  for (const Right& right : kPodRights)
    EXPECT_FALSE(epp.may(right, "kube-system")) << text_of(right);
  EXPECT_FALSE(epp.may({"list", "", "pods"}, "")) << "pods of all namespaces";
  EXPECT_FALSE(epp.may_get("/metrics"));
}

// Whether metrics are collected or not: the port is protected, so the EPP must be able to ask.
TEST(KubernetesWeakSpot, W22_ReviewsAreGrantedWheneverTheMetricsPortIsProtected) {
  const Account asks = chart_account("gateway-tls", "rbac-auth");
  for (const Right& right : kReviews)
    EXPECT_TRUE(asks.may(right, "")) << text_of(right);
  const Account open = chart_account("gateway-open-metrics", "rbac-open");
  for (const Right& right : kReviews)
    EXPECT_FALSE(open.may(right, "")) << text_of(right);
}

TEST(ChartRbac, ElectionIsBoundToItsLease) {
  const Account epp = chart_account("gateway-replicas", "rbac-election");
  expect_all(epp, election_rights("epp-rbac-election-qwen.llm-d.ai"));
  expect_none(epp, {{"get", kLeases, "leases", "another"},
                    {"update", kLeases, "leases", "another"},
                    {"delete", kLeases, "leases", "epp-rbac-election-qwen.llm-d.ai"},
                    {"list", "", "events"},
                    {"patch", "", "events"}});
  expect_none(epp, kNever);
}

TEST(ChartRbac, WithoutElectionThereAreNoLeases) {
  const Account epp = chart_account("gateway-active-active", "rbac-active");
  expect_none(epp, election_rights("epp-rbac-active-qwen.llm-d.ai"));
}

TEST(ChartRbac, WithoutPoolOnlyPodsAreRead) {
  const Account epp = chart_account("gateway-selector", "rbac-selector");
  expect_all(epp, kPodRights);
  expect_none(epp, kPoolRights);
  // The pool is called as the Deployment then.
  expect_all(epp, election_rights("epp-rbac-selector-qwen-epp.llm-d.ai"));
}

TEST(ChartRbac, TheMetricsReaderReadsMetricsOnly) {
  const Account epp = chart_account("gateway-monitoring", "rbac-metrics");
  const Account reader("rbac-metrics", "qwen-epp-metrics-reader");
  EXPECT_TRUE(reader.may_get("/metrics"));
  EXPECT_FALSE(reader.may_get("/debug/endpoints"));
  expect_none(reader, kPodRights);
  expect_none(reader, kReviews);
  EXPECT_FALSE(epp.may_get("/metrics"));
}

TEST(ManifestRbac, GrantsTheSame) {
  const std::string name_space = "rbac-manifest";
  create_namespace(name_space);
  grant_manifests(name_space);
  const Account epp(name_space, "epp");
  expect_all(epp, kPodRights);
  expect_all(epp, kPoolRights);
  expect_all(epp, election_rights("epp-rbac-manifest-model-pool.llm-d.ai"));
  for (const Right& right : kReviews)
    EXPECT_TRUE(epp.may(right, "")) << text_of(right);
  expect_none(epp, kNever);
  EXPECT_FALSE(epp.may({"list", "", "pods"}, "kube-system"));
  EXPECT_FALSE(epp.may_get("/metrics"));
  EXPECT_TRUE(Account(name_space, "rbac-manifest-epp-metrics-reader").may_get("/metrics"));
}

// A token of a service account, as a pod of it would have.
std::string account_token(const std::string& name_space, const std::string& account) {
  const Json request = KubeRoom::shared().api.create(
      "/api/v1/namespaces/" + name_space + "/serviceaccounts/" + account + "/token",
      {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", {{"expirationSeconds", 3600}}}});
  return request.at("status").at("token");
}

// A kubeconfig is YAML, and JSON is YAML.
std::string kubeconfig(const std::filesystem::path& ca, const std::string& token) {
  const Json config = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"current-context", "c"},
      {"contexts", Json::array({{{"name", "c"}, {"context", {{"cluster", "c"}, {"user", "u"}}}}})},
      {"clusters",
       Json::array({{{"name", "c"},
                     {"cluster", {{"server", KubeServer::shared().url()}, {"certificate-authority", ca.string()}}}}})},
      {"users", Json::array({{{"name", "u"}, {"user", {{"token", token}}}}})}};
  return config.dump();
}

int metrics_status(const EppServer& epp, const HttpHeaders& headers) {
  return http(epp.metrics_port(), {.path = "/metrics", .headers = headers}).status;
}

// The proof of all the above: with this account, its rights and nothing else, everything works.
TEST(ManifestRbac, TheEppRunsWithIt) {
  const KubeNamespace room(KubeServer::shared());
  grant_manifests(room.name());
  const ModelSim model;
  room.create_pool({.name = "model-pool", .ports = {model.port()}});
  room.create_pod({.name = "m", .ip = "127.0.0.1"});

  const TempDir files;
  write_file(files.path() / "ca.pem", KubeServer::shared().ca_pem());
  const std::string own_token = account_token(room.name(), "epp");
  write_file(files.path() / "kubeconfig", kubeconfig(files.path() / "ca.pem", own_token));
  EppServer epp({.arguments = {"--pool-name=model-pool", "--pool-namespace=" + room.name(),
                               "--kubeconfig=" + (files.path() / "kubeconfig").string(), "--ha-enable-leader-election",
                               "--metrics-endpoint-auth=true"},
                 .service = "readiness"});
  EXPECT_THAT(room.lease("epp-" + room.name() + "-model-pool.llm-d.ai").at("spec").at("holderIdentity"),
              ::testing::Ne(""));

  const std::string reader = account_token(room.name(), room.name() + "-epp-metrics-reader");
  EXPECT_EQ(metrics_status(epp, {}), 401);
  EXPECT_EQ(metrics_status(epp, {{"authorization", "Bearer " + own_token}}), 403);
  EXPECT_EQ(metrics_status(epp, {{"authorization", "Bearer " + reader}}), 200);
  const HttpResponse page =
      http(epp.metrics_port(), {.path = "/metrics", .headers = {{"authorization", "Bearer " + reader}}});
  for (const char* listed :
       {"inferencepools\"} 1", "pods\"} 1", "inferenceobjectives\"} 0", "inferencemodelrewrites\"} 0"}) {
    EXPECT_THAT(page.body, ::testing::HasSubstr(std::string("epp_kube_listed_objects{resource=\"") + listed));
  }
}

}  // namespace
}  // namespace epp::testing
