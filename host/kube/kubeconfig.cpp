#include "kube/kubeconfig.h"

#include "kube/encoding.h"
#include "kube/server_url.h"
#include "kube/small_file.h"
#include "net/http_message.h"

#include <filesystem>
#include <optional>
#include <utility>

#include <yaml-cpp/yaml.h>

namespace epp::kube {
namespace {

// A place in a file, for reading and for errors: "users[2].user.exec". It refers to the file's path; an empty node
// stands for an absent (or null) field.
class Field {
 public:
  Field(const std::string& file, std::string place, const YAML::Node& node)
      : file_(&file), place_(std::move(place)), node_(node) {}

  [[noreturn]] void fail(const std::string& text) const {
    throw ConfigError(*file_ + ": " + (place_.empty() ? "" : place_ + ": ") + text);
  }

  [[nodiscard]] bool present() const { return node_.IsDefined() && !node_.IsNull(); }
  [[nodiscard]] std::size_t size() const { return node_.size(); }

  [[nodiscard]] Field operator[](const char* name) const {
    const std::string place = place_.empty() ? name : place_ + "." + name;
    if (!present()) return {*file_, place, YAML::Node(YAML::NodeType::Null)};
    if (!node_.IsMap()) fail("must be a map");
    const YAML::Node child = node_[name];
    return {*file_, place, child.IsDefined() ? child : YAML::Node(YAML::NodeType::Null)};
  }
  [[nodiscard]] Field at(std::size_t index) const {
    return {*file_, place_ + "[" + std::to_string(index) + "]", node_[index]};
  }
  const Field& list() const {
    if (present() && !node_.IsSequence()) fail("must be a list");
    return *this;
  }

  // Absent is empty.
  [[nodiscard]] std::string text() const {
    if (!present()) return {};
    if (!node_.IsScalar()) fail("must be a string");
    return node_.Scalar();
  }
  [[nodiscard]] std::string header_text() const {
    std::string value = text();
    if (!is_header_text(value)) fail("must not contain control characters");
    return value;
  }
  [[nodiscard]] bool flag() const {
    const std::string value = text();
    if (value.empty() || value == "false") return false;
    if (value != "true") fail("must be true or false");
    return true;
  }
  [[nodiscard]] std::string base64() const {
    auto bytes = decode_base64(text());
    if (!bytes) fail("must be base64");
    return std::move(*bytes);
  }
  [[nodiscard]] std::string file_name() const {
    std::string value = text();
    if (value.empty()) return {};
    const std::filesystem::path path(value);
    if (path.is_absolute()) return value;
    return (std::filesystem::path(*file_).parent_path() / path).lexically_normal().string();
  }
  [[nodiscard]] std::vector<std::string> header_texts() const {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < list().size(); ++i)
      values.push_back(at(i).header_text());
    return values;
  }
  [[nodiscard]] std::vector<std::pair<std::string, Field>> members() const {
    std::vector<std::pair<std::string, Field>> found;
    if (!present()) return found;
    if (!node_.IsMap()) fail("must be a map");
    for (const auto& member : node_) {
      if (!member.first.IsScalar()) fail("must have strings for names");
      const std::string& name = member.first.Scalar();
      found.emplace_back(name, Field(*file_, place_ + "." + name, member.second));
    }
    return found;
  }

 private:
  const std::string* file_;
  std::string place_;
  YAML::Node node_;
};

using Documents = std::vector<Field>;

Field parse(const KubeconfigFile& file) {
  if (file.text.size() > kMaxKubeconfigBytes) {
    throw ConfigError(file.path + ": larger than " + std::to_string(kMaxKubeconfigBytes) + " bytes");
  }
  try {
    Field document(file.path, "", YAML::Load(file.text));
    if (document.present()) (void)document["current-context"];
    return document;
  } catch (const YAML::Exception& fault) {
    throw ConfigError(file.path + ": not YAML: line " + std::to_string(fault.mark.line + 1) + ": " + fault.msg);
  }
}

// The entry `name` of the list `list` (clusters, users, contexts), from the first file that has it.
std::optional<Field> find_entry(const Documents& documents, const char* list, const char* member,
                                const std::string& name) {
  for (const Field& document : documents) {
    const Field entries = document[list];
    for (std::size_t i = 0; i < entries.list().size(); ++i) {
      const Field entry = entries.at(i);
      if (entry["name"].text() == name) return entry[member];
    }
  }
  return std::nullopt;
}

void read_cluster(const Field& cluster, ClusterConfig& config) {
  const Field server = cluster["server"];
  auto url = parse_server_url(server.text());
  if (!url) server.fail("must be a URL of the form https://host[:port][/path]");
  config.server = std::move(url->origin);
  config.base_path = std::move(url->base_path);
  if (const Field proxy = cluster["proxy-url"]; !proxy.text().empty()) {
    proxy.fail("proxies are not supported: the API server must be reachable directly");
  }
  net::TlsClientOptions& tls = config.tls;
  tls.insecure_skip_verify = cluster["insecure-skip-tls-verify"].flag();
  tls.server_name = cluster["tls-server-name"].header_text();
  tls.ca_pem = cluster["certificate-authority-data"].base64();
  if (tls.ca_pem.empty()) tls.ca_file = cluster["certificate-authority"].file_name();
  if (tls.insecure_skip_verify && !(tls.ca_pem.empty() && tls.ca_file.empty())) {
    cluster["insecure-skip-tls-verify"].fail("must not be true together with a certificate authority");
  }
}

void read_client_certificate(const Field& user, net::TlsClientOptions& tls) {
  tls.cert_pem = user["client-certificate-data"].base64();
  tls.key_pem = user["client-key-data"].base64();
  if (tls.cert_pem.empty()) tls.cert_file = user["client-certificate"].file_name();
  if (tls.key_pem.empty()) tls.key_file = user["client-key"].file_name();
  const bool certificate = !tls.cert_pem.empty() || !tls.cert_file.empty();
  const bool key = !tls.key_pem.empty() || !tls.key_file.empty();
  if (certificate && !key) user["client-key"].fail("is needed with a client certificate");
  if (key && !certificate) user["client-certificate"].fail("is needed with a client key");
}

void read_impersonation(const Field& user, ClusterConfig& config) {
  const std::string name = user["as"].header_text();
  const std::string uid = user["as-uid"].header_text();
  const std::vector<std::string> groups = user["as-groups"].header_texts();
  const auto extra = user["as-user-extra"].members();
  auto& headers = config.impersonation;
  if (name.empty()) {
    if (!uid.empty() || !groups.empty() || !extra.empty()) {
      user["as"].fail("is needed with as-uid, as-groups and as-user-extra");
    }
    return;
  }
  headers.emplace_back("Impersonate-User", name);
  if (!uid.empty()) headers.emplace_back("Impersonate-Uid", uid);
  for (const std::string& group : groups)
    headers.emplace_back("Impersonate-Group", group);
  for (const auto& [key, values] : extra) {
    for (const std::string& value : values.header_texts())
      headers.emplace_back("Impersonate-Extra-" + net::escape_query(key), value);
  }
}

void read_user(const Field& user, ClusterConfig& config) {
  for (const char* name : {"exec", "auth-provider"}) {
    if (const Field plugin = user[name]; plugin.present()) {
      plugin.fail("credential plugins are not supported: use token, tokenFile or a client certificate");
    }
  }
  config.token_file = user["tokenFile"].file_name();
  config.token = user["token"].header_text();
  config.username = user["username"].header_text();
  config.password = user["password"].header_text();
  if (!config.username.empty() && !(config.token.empty() && config.token_file.empty())) {
    user["username"].fail("must not stand beside a token");
  }
  read_client_certificate(user, config.tls);
  read_impersonation(user, config);
}

}  // namespace

ClusterConfig resolve_kubeconfig(const std::vector<KubeconfigFile>& files, std::string_view context) {
  Documents documents;
  for (const KubeconfigFile& file : files)
    documents.push_back(parse(file));
  std::string all;
  for (const KubeconfigFile& file : files)
    all.append(all.empty() ? "" : ":").append(file.path);

  ClusterConfig config;
  config.origin_text = all;
  try {
    std::string name(context);
    for (const Field& document : documents) {
      if (name.empty()) name = document["current-context"].text();
    }
    if (name.empty()) throw ConfigError(all + ": current-context: must name a context");
    const auto chosen = find_entry(documents, "contexts", "context", name);
    if (!chosen) throw ConfigError(all + ": contexts: there is none named \"" + name + "\"");

    const Field cluster_name = (*chosen)["cluster"];
    if (cluster_name.text().empty()) cluster_name.fail("must name a cluster");
    const auto cluster = find_entry(documents, "clusters", "cluster", cluster_name.text());
    if (!cluster) cluster_name.fail("there is no cluster named \"" + cluster_name.text() + "\"");
    read_cluster(*cluster, config);

    if (const Field user_name = (*chosen)["user"]; !user_name.text().empty()) {
      const auto user = find_entry(documents, "users", "user", user_name.text());
      if (!user) user_name.fail("there is no user named \"" + user_name.text() + "\"");
      read_user(*user, config);
    }
    if (std::string chosen_namespace = (*chosen)["namespace"].text(); !chosen_namespace.empty()) {
      config.default_namespace = std::move(chosen_namespace);
    }
  } catch (const YAML::Exception& fault) {
    throw ConfigError(all + ": " + fault.msg);
  }
  return config;
}

}  // namespace epp::kube
