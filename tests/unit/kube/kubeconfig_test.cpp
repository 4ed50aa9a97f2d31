#include "kube/kubeconfig.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One cluster, one user, one context; `cluster` and `user` are the bodies in flow style.
std::string document(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts: [{name: here, context: {cluster: c, user: u, namespace: models}}]\n"
         "clusters:\n- name: c\n  cluster: {" +
         cluster + "}\nusers:\n- name: u\n  user: {" + user + "}\n";
}

ClusterConfig resolve(const std::string& text, std::string_view context = {}) {
  return resolve_kubeconfig({{"/etc/kube/config", text}}, context);
}

std::string error_of(const std::vector<KubeconfigFile>& files, std::string_view context = {}) {
  try {
    (void)resolve_kubeconfig(files, context);
  } catch (const ConfigError& fault) {
    return fault.what();
  }
  return "none";
}

std::string error_of(const std::string& text) {
  return error_of({{"/etc/kube/config", text}});
}

TEST(KubeconfigTest, ReadsServers) {
  struct Case {
    const char* server;
    bool tls;
    const char* host;
    const char* port;
    const char* path;
  };
  const Case cases[] = {
      {"https://api.example:6443", true, "api.example", "6443", ""},
      {"https://api.example", true, "api.example", "443", ""},
      {"http://127.0.0.1:8080/", false, "127.0.0.1", "8080", ""},
      {"http://api", false, "api", "80", ""},
      {"https://[fd00::1]:6443", true, "fd00::1", "6443", ""},
      {"https://[fd00::1]", true, "fd00::1", "443", ""},
      {"https://rancher/k8s/clusters/c-1/", true, "rancher", "443", "/k8s/clusters/c-1"},
  };
  for (const Case& test : cases) {
    const ClusterConfig config = resolve(document(std::string("server: \"") + test.server + '"', ""));
    EXPECT_EQ(config.server.tls, test.tls) << test.server;
    EXPECT_EQ(config.server.host, test.host) << test.server;
    EXPECT_EQ(config.server.port, test.port) << test.server;
    EXPECT_EQ(config.base_path, test.path) << test.server;
  }
  for (const char* server :
       {"", "api:6443", "ftp://api", "https://", "https://api:0", "https://api:70000", "https://u@api",
        "https://api/?x", "https://a b", "https://[fd00::1", "https://fd00::1:6443"}) {
    EXPECT_THAT(error_of(document(std::string("server: \"") + server + '"', "")),
                HasSubstr("/etc/kube/config: clusters[0].cluster.server: must be a URL"))
        << server;
  }
}

TEST(KubeconfigTest, ReadsWhoWeAre) {
  const std::string server = "server: 'https://api', certificate-authority: pki/ca.crt";
  const ClusterConfig token = resolve(document(server, "token: t-1"));
  EXPECT_EQ(token.token, "t-1");
  EXPECT_EQ(token.tls.ca_file, "/etc/kube/pki/ca.crt");
  EXPECT_EQ(token.default_namespace, "models");
  EXPECT_EQ(token.origin_text, "/etc/kube/config");

  const ClusterConfig file = resolve(document(server, "token: t-1, tokenFile: ../token"));
  EXPECT_EQ(file.token_file, "/etc/token");

  const ClusterConfig basic = resolve(document(server, "username: joe, password: 'p w'"));
  EXPECT_EQ(basic.username, "joe");
  EXPECT_EQ(basic.password, "p w");

  const ClusterConfig certificate = resolve(document(server, "client-certificate: c.crt, client-key: /keys/c.key"));
  EXPECT_EQ(certificate.tls.cert_file, "/etc/kube/c.crt");
  EXPECT_EQ(certificate.tls.key_file, "/keys/c.key");

  const ClusterConfig inlined = resolve(document(
      server,
      "client-certificate: c.crt, client-certificate-data: 'Y2VydA==', client-key: c.key, client-key-data: 'a2V5'"));
  EXPECT_EQ(inlined.tls.cert_pem, "cert");
  EXPECT_EQ(inlined.tls.key_pem, "key");
  EXPECT_EQ(inlined.tls.cert_file, "");
  EXPECT_EQ(inlined.tls.key_file, "");

  const ClusterConfig nobody = resolve(document(server, ""));
  EXPECT_EQ(nobody.token + nobody.token_file + nobody.username, "");
}

TEST(KubeconfigTest, ReadsTlsSettings) {
  const ClusterConfig data = resolve(document(
      "server: 'https://api', certificate-authority: ca, certificate-authority-data: 'Y\n    2E=', tls-server-name: "
      "kubernetes",
      ""));
  EXPECT_EQ(data.tls.ca_pem, "ca");
  EXPECT_EQ(data.tls.ca_file, "");
  EXPECT_EQ(data.tls.server_name, "kubernetes");
  EXPECT_FALSE(data.tls.insecure_skip_verify);
  EXPECT_TRUE(resolve(document("server: 'https://api', insecure-skip-tls-verify: true", "")).tls.insecure_skip_verify);
}

TEST(KubeconfigTest, ReadsImpersonation) {
  const ClusterConfig config = resolve(
      document("server: 'https://api'",
               "token: t, as: joe, as-uid: '7', as-groups: [a, b], as-user-extra: {'example.com/scopes': [x, y]}"));
  const std::vector<std::pair<std::string, std::string>> expected{{"Impersonate-User", "joe"},
                                                                  {"Impersonate-Uid", "7"},
                                                                  {"Impersonate-Group", "a"},
                                                                  {"Impersonate-Group", "b"},
                                                                  {"Impersonate-Extra-example.com%2Fscopes", "x"},
                                                                  {"Impersonate-Extra-example.com%2Fscopes", "y"}};
  EXPECT_EQ(config.impersonation, expected);
}

TEST(KubeconfigTest, NamesFileFieldAndExpectation) {
  const std::string ok = "server: 'https://api'";
  const std::pair<std::string, const char*> cases[] = {
      {document(ok, "exec: {command: aws}"), "users[0].user.exec: credential plugins are not supported"},
      {document(ok, "auth-provider: {name: gcp}"), "users[0].user.auth-provider: credential plugins are not supported"},
      {document(ok + ", proxy-url: 'http://p'", ""), "clusters[0].cluster.proxy-url: proxies are not supported"},
      {document(ok + ", certificate-authority-data: '%%%'", ""), "certificate-authority-data: must be base64"},
      {document(ok + ", certificate-authority-data: 'YQ'", ""), "certificate-authority-data: must be base64"},
      {document(ok + ", insecure-skip-tls-verify: maybe", ""), "insecure-skip-tls-verify: must be true or false"},
      {document(ok + ", insecure-skip-tls-verify: true, certificate-authority: x", ""), "together with a certificate"},
      {document(ok, "client-certificate: c"), "users[0].user.client-key: is needed"},
      {document(ok, "client-key-data: 'YQ=='"), "users[0].user.client-certificate: is needed"},
      {document(ok, "token: [a]"), "users[0].user.token: must be a string"},
      {document(ok, "token: t, username: u"), "users[0].user.username: must not stand beside a token"},
      {document(ok, "as-groups: [a]"), "users[0].user.as: is needed"},
      {document(ok, "as: a, as-groups: b"), "users[0].user.as-groups: must be a list"},
      {document(ok, "token: \"a\\nb\""), "users[0].user.token: must not contain control characters"},
      {"- a\n", "must be a map"},
      {"a: [\n", "not YAML: line"},
      {"", "current-context: must name a context"},
      {"current-context: x\n", "contexts: there is none named \"x\""},
      {"current-context: x\ncontexts: {}\n", "contexts: must be a list"},
      {"current-context: x\ncontexts: [{name: x}]\n", "contexts[0].context.cluster: must name a cluster"},
      {"current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\n",
       "contexts[0].context.cluster: there is no cluster named \"y\""},
      {"current-context: x\ncontexts: [{name: x, context: {cluster: y, user: z}}]\nclusters: [{name: y, cluster: "
       "{server: 'http://a'}}]\n",
       "contexts[0].context.user: there is no user named \"z\""},
  };
  for (const auto& [text, expected] : cases) {
    const std::string error = error_of(text);
    EXPECT_THAT(error, HasSubstr("/etc/kube/config: ")) << text;
    EXPECT_THAT(error, HasSubstr(expected)) << text;
  }
}

TEST(KubeconfigTest, PrintsNoSecret) {
  const std::string text = document("server: 'https://api'", "token: s3cret, username: joe, password: s3cret");
  EXPECT_THAT(error_of(text), Not(HasSubstr("s3cret")));
  EXPECT_THAT(error_of(document("server: 'https://api'", "token: \"s3cret\\n\"")), Not(HasSubstr("s3cret")));
  EXPECT_THAT(error_of(document("server: 'https://api'", "client-key-data: 's3cret!'")), Not(HasSubstr("s3cret")));
}

TEST(KubeconfigTest, PassesOverPluginsOfUsersThatAreNotUsed) {
  const std::string text =
      document("server: 'https://api'", "token: t") + "- name: other\n  user: {exec: {command: aws}}\n";
  EXPECT_EQ(resolve(text).token, "t");
}

TEST(KubeconfigTest, MergesFilesFirstDefinitionFirst) {
  const std::vector<KubeconfigFile> files{
      {"/a/config", "current-context: one\nusers: [{name: u, user: {tokenFile: t}}]\n"},
      {"/b/config",
       "current-context: two\n"
       "users: [{name: u, user: {token: later}}]\n"
       "clusters: [{name: c, cluster: {server: 'https://b', certificate-authority: ca.crt}}]\n"
       "contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: c}}]\n"}};
  const ClusterConfig config = resolve_kubeconfig(files, {});
  EXPECT_EQ(config.token_file, "/a/t") << "relative to the file that names it";
  EXPECT_EQ(config.token, "") << "entries are not mixed";
  EXPECT_EQ(config.tls.ca_file, "/b/ca.crt");
  EXPECT_EQ(config.default_namespace, "default");
  EXPECT_EQ(config.origin_text, "/a/config:/b/config");
  EXPECT_EQ(resolve_kubeconfig(files, "two").token_file, "");
  EXPECT_THAT(error_of(files, "three"), HasSubstr("/a/config:/b/config: contexts: there is none named \"three\""));
}

TEST(KubeconfigTest, ReadsJson) {
  const ClusterConfig config = resolve(
      "{\n\t\"current-context\": \"x\",\n\t\"contexts\": [{\"name\": \"x\", \"context\": {\"cluster\": \"c\"}}],\n"
      "\t\"clusters\": [{\"name\": \"c\", \"cluster\": {\"server\": \"https://api\", \"proxy-url\": null}}]\n}\n");
  EXPECT_EQ(config.server.host, "api");
}

TEST(KubeconfigTest, SurvivesAliasesAndDepth) {
  EXPECT_THAT(error_of("a: &a [*a]\ncontexts: *a\n"), HasSubstr("/etc/kube/config"));
  EXPECT_THAT(error_of("clusters: " + std::string(100'000, '[')), HasSubstr("/etc/kube/config: not YAML"));
  EXPECT_THAT(error_of(std::string(2u << 20, '#')), HasSubstr("larger than"));
}

}  // namespace
}  // namespace epp::kube
