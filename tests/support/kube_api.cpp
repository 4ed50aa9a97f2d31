#include "support/kube_api.h"

#include "net/http_client.h"
#include "net/io_pool.h"

#include <atomic>
#include <future>
#include <utility>

#include <unistd.h>

namespace epp::testing {
namespace {

std::string named(std::string path, const std::string& name) {
  return name.empty() ? path : path + '/' + name;
}

// Status objects say what is wrong; everything else is shown as it is.
std::string reason_of(const std::string& body) {
  const Json status = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  return status.is_object() && status.contains("message") ? status.at("message").get<std::string>() : body;
}

net::HttpClientOptions trusting(std::string ca_pem) {
  net::HttpClientOptions options;
  options.tls.emplace().ca_pem = std::move(ca_pem);
  return options;
}

Json ready_condition(bool ready) {
  return Json::array({{{"type", "Ready"}, {"status", ready ? "True" : "False"}}});
}

}  // namespace

struct KubeApi::Impl {
  Impl(const KubeServer& server, KubeUser user)
      : pool(1, "kube-api"),
        client(pool, trusting(server.ca_pem())),
        origin{.tls = true, .host = "127.0.0.1", .port = std::to_string(server.port())},
        authorization("Bearer " + KubeServer::token(user)) {}

  net::IoPool pool;
  net::HttpClient client;
  net::Origin origin;
  std::string authorization;
};

KubeApi::KubeApi(const KubeServer& server, KubeUser user) : impl_(std::make_unique<Impl>(server, user)) {}

KubeApi::~KubeApi() = default;

std::string KubeApi::text(const std::string& method, const std::string& path, const std::string& body,
                          const std::string& content_type) const {
  net::HttpRequest request{.method = method, .target = path, .headers = {}, .body = body};
  request.headers.add("Authorization", impl_->authorization);
  request.headers.add("Accept", "application/json");
  if (!body.empty()) request.headers.add("Content-Type", content_type);
  net::HttpCallOptions options;
  options.timeout = kPatience;
  options.max_body_bytes = 256u << 20;
  std::promise<net::HttpResult> answer;
  impl_->client.send(impl_->origin, std::move(request), std::move(options),
                     [&](net::HttpResult result) { answer.set_value(std::move(result)); });
  net::HttpResult result = answer.get_future().get();
  const std::string what = method + ' ' + path + ": ";
  if (!result.ok()) throw KubeError(0, what + result.message);
  if (result.response.status / 100 != 2) {
    throw KubeError(result.response.status,
                    what + std::to_string(result.response.status) + ' ' + reason_of(result.response.body));
  }
  return std::move(result.response.body);
}

Json KubeApi::get(const std::string& path) const {
  return Json::parse(text("GET", path));
}

Json KubeApi::create(const std::string& collection, const Json& object) const {
  return Json::parse(text("POST", collection, object.dump()));
}

Json KubeApi::replace(const std::string& path, const Json& object) const {
  return Json::parse(text("PUT", path, object.dump()));
}

Json KubeApi::patch(const std::string& path, const Json& merge) const {
  return Json::parse(text("PATCH", path, merge.dump(), "application/merge-patch+json"));
}

void KubeApi::remove(const std::string& path, int grace_seconds) const {
  text("DELETE", path, Json{{"gracePeriodSeconds", grace_seconds}}.dump());
}

Json pod_object(const KubePod& pod) {
  // Only a pod that has a node may be deleted gracefully.
  const Json container = {{"name", "server"}, {"image", "server"}};
  Json object = {{"apiVersion", "v1"},
                 {"kind", "Pod"},
                 {"metadata", {{"name", pod.name}, {"labels", pod.labels}}},
                 {"spec", {{"nodeName", "node"}, {"containers", Json::array({container})}}},
                 {"status", {{"phase", "Running"}, {"conditions", ready_condition(pod.ready)}}}};
  if (!pod.annotations.empty()) object["metadata"]["annotations"] = pod.annotations;
  if (!pod.ip.empty()) {
    object["status"]["podIP"] = pod.ip;
    object["status"]["podIPs"] = Json::array({{{"ip", pod.ip}}});
  }
  return object;
}

Json pool_object(const KubePool& pool) {
  Json object = {{"apiVersion", "inference.networking.k8s.io/v1"},
                 {"kind", "InferencePool"},
                 {"metadata", {{"name", pool.name}}},
                 {"spec",
                  {{"selector", {{"matchLabels", pool.selector}}},
                   {"targetPorts", Json::array()},
                   {"endpointPickerRef", {{"name", "picker"}, {"port", {{"number", 9002}}}}}}}};
  for (const int port : pool.ports)
    object["spec"]["targetPorts"].push_back({{"number", port}});
  if (!pool.app_protocol.empty()) object["spec"]["appProtocol"] = pool.app_protocol;
  return object;
}

Json objective_object(const std::string& name, std::optional<int> priority, const std::string& pool,
                      const std::string& group) {
  Json object = {{"apiVersion", group + "/v1alpha2"},
                 {"kind", "InferenceObjective"},
                 {"metadata", {{"name", name}}},
                 {"spec", {{"poolRef", {{"group", "inference.networking.k8s.io"}, {"name", pool}}}}}};
  if (priority) object["spec"]["priority"] = *priority;
  return object;
}

Json rewrite_object(const std::string& name, const std::vector<std::string>& models,
                    const std::vector<KubeTarget>& targets, const std::string& pool) {
  Json rule = Json::object();
  for (const std::string& model : models)
    rule["matches"].push_back({{"model", {{"type", "Exact"}, {"value", model}}}});
  for (const KubeTarget& target : targets) {
    Json entry = {{"modelRewrite", target.model}};
    if (target.weight) entry["weight"] = *target.weight;
    rule["targets"].push_back(std::move(entry));
  }
  return {{"apiVersion", "llm-d.ai/v1alpha2"},
          {"kind", "InferenceModelRewrite"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"poolRef", {{"group", "inference.networking.k8s.io"}, {"name", pool}}}, {"rules", Json::array({rule})}}}};
}

KubeNamespace::KubeNamespace(const KubeServer& server) : api_(server) {
  static std::atomic<int> count{0};
  name_ = "epp-test-" + std::to_string(getpid()) + '-' + std::to_string(++count);
  api_.create("/api/v1/namespaces", {{"metadata", {{"name", name_}}}});
}

void KubeNamespace::create_pod(const KubePod& pod) const {
  const Json object = pod_object(pod);
  api_.create(pods(), object);
  patch_pod_status(pod.name, object.at("status"));
}

void KubeNamespace::patch_pod(const std::string& pod, const Json& merge) const {
  api_.patch(pods(pod), merge);
}

void KubeNamespace::patch_pod_status(const std::string& pod, const Json& status) const {
  api_.patch(pods(pod) + "/status", {{"status", status}});
}

void KubeNamespace::set_ready(const std::string& pod, bool ready) const {
  patch_pod_status(pod, {{"conditions", ready_condition(ready)}});
}

void KubeNamespace::delete_pod(const std::string& pod) const {
  api_.remove(pods(pod));
}

void KubeNamespace::drain_pod(const std::string& pod) const {
  constexpr int kSeconds = 3600;
  api_.remove(pods(pod), kSeconds);
}

void KubeNamespace::create_pool(const KubePool& pool) const {
  api_.create(pools(), pool_object(pool));
}

void KubeNamespace::patch_pool(const Json& spec, const std::string& pool) const {
  api_.patch(pools(pool), {{"spec", spec}});
}

void KubeNamespace::delete_pool(const std::string& pool) const {
  api_.remove(pools(pool));
}

void KubeNamespace::create_objective(const std::string& name, std::optional<int> priority, const std::string& pool,
                                     const std::string& group) const {
  api_.create(objectives({}, group), objective_object(name, priority, pool, group));
}

void KubeNamespace::create_rewrite(const std::string& name, const std::vector<std::string>& models,
                                   const std::vector<KubeTarget>& targets, const std::string& pool) const {
  api_.create(rewrites(), rewrite_object(name, models, targets, pool));
}

void KubeNamespace::delete_rewrite(const std::string& name) const {
  api_.remove(rewrites(name));
}

Json KubeNamespace::lease(const std::string& name) const {
  return api_.get(leases(name));
}

std::string KubeNamespace::pods(const std::string& name) const {
  return path("/api/v1", "pods", name);
}

std::string KubeNamespace::pools(const std::string& name) const {
  return path("/apis/inference.networking.k8s.io/v1", "inferencepools", name);
}

std::string KubeNamespace::objectives(const std::string& name, const std::string& group) const {
  return path("/apis/" + group + "/v1alpha2", "inferenceobjectives", name);
}

std::string KubeNamespace::rewrites(const std::string& name) const {
  return path("/apis/llm-d.ai/v1alpha2", "inferencemodelrewrites", name);
}

std::string KubeNamespace::leases(const std::string& name) const {
  return path("/apis/coordination.k8s.io/v1", "leases", name);
}

std::string KubeNamespace::path(const std::string& api, const std::string& resource, const std::string& name) const {
  return named(api + "/namespaces/" + name_ + '/' + resource, name);
}

}  // namespace epp::testing
