#include "support/kube_server.h"

#include "support/certificates.h"
#include "support/http_client.h"
#include "support/kube_api.h"
#include "support/places.h"
#include "support/ports.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>
#include <vector>

namespace epp::testing {
namespace {

struct User {
  const char* name;
  const char* group;
};

User user_of(KubeUser user) {
  switch (user) {
    case KubeUser::kAdmin:
      return {.name = "admin", .group = "system:masters"};
    case KubeUser::kEpp:
      return {.name = "epp", .group = "epps"};
    case KubeUser::kPodsOnly:
      return {.name = "pods-only", .group = "epps"};
    case KubeUser::kScraper:
      return {.name = "scraper", .group = "scrapers"};
    case KubeUser::kNobody:
      break;
  }
  return {.name = "nobody", .group = "nobodies"};
}

constexpr std::array kUsers{KubeUser::kAdmin, KubeUser::kEpp, KubeUser::kPodsOnly, KubeUser::kScraper,
                            KubeUser::kNobody};

// The etcd that Debian packages.
constexpr const char* kEtcd = "/usr/bin/etcd";

// What `tools/kube-up path` says; empty when there is none.
std::string api_server_program() {
  static const std::string path = [] {
    Process kube_up(source_file("tools/kube-up"), {"path"});
    if (kube_up.wait() != 0) return std::string();
    const std::string output = kube_up.output();
    return output.substr(0, output.find('\n'));
  }();
  return path;
}

Json rule(const char* group, const std::vector<std::string>& resources, const std::vector<std::string>& verbs) {
  return {{"apiGroups", Json::array({group})}, {"resources", resources}, {"verbs", verbs}};
}

void grant(const KubeApi& api, KubeUser user, const Json& rules) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
  const std::string name = KubeServer::name(user);
  api.create(rbac + "clusterroles", {{"metadata", {{"name", name}}}, {"rules", rules}});
  api.create(
      rbac + "clusterrolebindings",
      {{"metadata", {{"name", name}}},
       {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", name}}},
       {"subjects", Json::array({{{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "User"}, {"name", name}}})}});
}

std::vector<std::filesystem::path> crd_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_file("configs/crds"))) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string KubeServer::missing() {
  if (!std::filesystem::exists(kEtcd)) return std::string(kEtcd) + " is missing: run tools/setup";
  if (api_server_program().empty()) return "kube-apiserver is missing: run tools/kube-up build";
  return {};
}

KubeServer& KubeServer::shared() {
  static KubeServer server;
  return server;
}

KubeServer::KubeServer() : port_(free_fixed_port()), etcd_port_(free_fixed_port()) {
  const std::filesystem::path& files = directory_.path();
  write_key_pair(files, make_key_pair("test cluster"));
  std::string tokens;
  for (const KubeUser user : kUsers) {
    const auto [name, group] = user_of(user);
    tokens += token(user) + ',' + name + ',' + name + ",\"" + group + "\"\n";
  }
  write_file(files / "tokens.csv", tokens);
  start_etcd();
  start();
  create_users();
  create_crds();
}

KubeServer::~KubeServer() = default;

void KubeServer::start_etcd() {
  const std::string clients = "http://127.0.0.1:" + std::to_string(etcd_port_);
  const std::string peers = "http://127.0.0.1:" + std::to_string(free_fixed_port());
  etcd_ = std::make_unique<Process>(
      kEtcd, std::vector<std::string>{"--data-dir=" + (directory_.path() / "etcd").string(),
                                      "--listen-client-urls=" + clients, "--advertise-client-urls=" + clients,
                                      "--listen-peer-urls=" + peers, "--initial-advertise-peer-urls=" + peers,
                                      "--initial-cluster=default=" + peers, "--unsafe-no-fsync"});
}

void KubeServer::start() {
  const auto file = [&](const char* name) { return (directory_.path() / name).string(); };
  api_ = std::make_unique<Process>(
      api_server_program(),
      std::vector<std::string>{
          "--etcd-servers=http://127.0.0.1:" + std::to_string(etcd_port_), "--secure-port=" + std::to_string(port_),
          "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--cert-dir=" + file(""),
          "--tls-cert-file=" + file("tls.crt"), "--tls-private-key-file=" + file("tls.key"),
          "--token-auth-file=" + file("tokens.csv"), "--authorization-mode=RBAC",
          "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + file("tls.crt"),
          "--service-account-signing-key-file=" + file("tls.key"), "--service-cluster-ip-range=10.96.0.0/16",
          "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"});
  const KubeApi api(*this);
  const auto ready = [&] {
    try {
      return api.text("GET", "/readyz") == "ok";
    } catch (const KubeError&) {
      return false;
    }
  };
  if (!wait_until([&] { return !api_->running() || ready(); }, std::chrono::seconds(60)) || !api_->running()) {
    throw std::runtime_error("kube-apiserver did not start:\n" + log() + "\netcd:\n" + etcd_->output());
  }
}

void KubeServer::kill() {
  api_->signal(SIGKILL);
  api_->wait();
}

void KubeServer::compact() {
  const Json now = Json::parse(http_post(etcd_port_, "/v3/kv/range", R"({"key":"Lw=="})").body);
  const Json revision = {{"revision", now.at("header").at("revision")}, {"physical", true}};
  const HttpResponse answer = http_post(etcd_port_, "/v3/kv/compaction", revision.dump());
  if (answer.status != 200) throw std::runtime_error("etcd did not compact: " + answer.body);
}

void KubeServer::create_users() const {
  const KubeApi api(*this);
  const std::vector<std::string> read{"get", "list", "watch"};
  const std::vector<std::string> ours{"inferenceobjectives", "inferencemodelrewrites"};
  const Json pods = rule("", {"pods"}, read);
  const Json pools = rule("inference.networking.k8s.io", {"inferencepools"}, read);
  grant(api, KubeUser::kEpp,
        Json::array(
            {pods, pools, rule("llm-d.ai", ours, read), rule("inference.networking.x-k8s.io", ours, read),
             rule("inference.networking.x-k8s.io", {"inferencepools"}, read),
             rule("coordination.k8s.io", {"leases"}, {"get", "list", "watch", "create", "update", "patch", "delete"}),
             rule("", {"events"}, {"create", "patch"}), rule("authentication.k8s.io", {"tokenreviews"}, {"create"}),
             rule("authorization.k8s.io", {"subjectaccessreviews"}, {"create"})}));
  grant(api, KubeUser::kPodsOnly, Json::array({pods, pools}));
  const Json metrics = {{"nonResourceURLs", Json::array({"/metrics"})}, {"verbs", Json::array({"get"})}};
  grant(api, KubeUser::kScraper, Json::array({metrics}));
}

void KubeServer::create_crds() const {
  const KubeApi api(*this);
  std::vector<std::string> collections;
  for (const std::filesystem::path& file : crd_files()) {
    const Json crd = Json::parse(api.text("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                                          read_file(file), "application/yaml"));
    const Json& spec = crd.at("spec");
    collections.push_back("/apis/" + spec.at("group").get<std::string>() + '/' +
                          spec.at("versions").at(0).at("name").get<std::string>() + '/' +
                          spec.at("names").at("plural").get<std::string>());
  }
  for (const std::string& collection : collections) {
    const auto served = [&] {
      try {
        return api.get(collection).contains("items");
      } catch (const KubeError&) {
        return false;
      }
    };
    if (!wait_until(served)) throw std::runtime_error(collection + " is not served:\n" + log());
  }
}

std::string KubeServer::ca_pem() const {
  return read_file(directory_.path() / "tls.crt");
}

std::string KubeServer::token(KubeUser user) {
  return "token-of-" + name(user);
}

std::string KubeServer::name(KubeUser user) {
  return user_of(user).name;
}

std::string KubeServer::kubeconfig(KubeUser user, std::optional<std::uint16_t> port) const {
  const Json context = {{"cluster", "test"}, {"user", name(user)}};
  const Json cluster = {{"server", "https://127.0.0.1:" + std::to_string(port.value_or(port_))},
                        {"certificate-authority", (directory_.path() / "tls.crt").string()}};
  const Json config = {{"apiVersion", "v1"},
                       {"kind", "Config"},
                       {"current-context", "test"},
                       {"contexts", Json::array({{{"name", "test"}, {"context", context}}})},
                       {"clusters", Json::array({{{"name", "test"}, {"cluster", cluster}}})},
                       {"users", Json::array({{{"name", name(user)}, {"user", {{"token", token(user)}}}}})}};
  return config.dump(2);
}

std::filesystem::path KubeServer::kubeconfig_file(KubeUser user, std::optional<std::uint16_t> port) const {
  const std::filesystem::path file =
      directory_.path() / ("kubeconfig-" + name(user) + '-' + std::to_string(port.value_or(port_)));
  write_file(file, kubeconfig(user, port));
  return file;
}

std::string KubeServer::log() const {
  return api_->output();
}

}  // namespace epp::testing
