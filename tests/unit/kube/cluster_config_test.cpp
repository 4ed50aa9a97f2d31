#include "kube/cluster_config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::kube {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ClusterConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "epp-kube-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    sources.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    sources.service_account_directory = path("account");
  }
  void TearDown() override { fs::remove_all(root); }

  std::string path(const std::string& name) const { return (root / name).string(); }
  std::string write(const std::string& name, const std::string& text) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::string write_config(const std::string& name, const std::string& host) {
    return write(name,
                 "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
                 "clusters: [{name: c, cluster: {server: 'https://" +
                     host + "'}}]\n");
  }
  void write_account() {
    variables["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
    variables["KUBERNETES_SERVICE_PORT"] = "443";
    write("account/token", "t-1\n");
    write("account/ca.crt", "ca");
    write("account/namespace", "models\n");
  }
  std::string error() {
    try {
      (void)load_cluster_config(sources);
    } catch (const ConfigError& fault) {
      return fault.what();
    }
    return "none";
  }

  fs::path root;
  std::map<std::string, std::string> variables;
  ConfigSources sources;
};

TEST_F(ClusterConfigTest, ReadsTheServiceAccount) {
  write_account();
  const ClusterConfig config = load_cluster_config(sources);
  EXPECT_TRUE(config.server.tls);
  EXPECT_EQ(config.server.host, "10.96.0.1");
  EXPECT_EQ(config.server.port, "443");
  EXPECT_EQ(config.token_file, path("account/token"));
  EXPECT_EQ(config.tls.ca_file, path("account/ca.crt"));
  EXPECT_EQ(config.default_namespace, "models");
  EXPECT_EQ(config.origin_text, "in-cluster");
  EXPECT_TRUE(config.notes.empty());
}

TEST_F(ClusterConfigTest, TakesAddressesOfBothFamilies) {
  write_account();
  for (const char* host : {"fd00::1", "[fd00::1]"}) {
    variables["KUBERNETES_SERVICE_HOST"] = host;
    EXPECT_EQ(load_cluster_config(sources).server.host, "fd00::1");
  }
  variables["KUBERNETES_SERVICE_PORT"] = "https";
  EXPECT_THAT(error(), HasSubstr("in-cluster: KUBERNETES_SERVICE_PORT: must be a port from 1 to 65535"));
}

TEST_F(ClusterConfigTest, TrustsTheSystemWithoutACaFile) {
  write_account();
  fs::remove(root / "account/ca.crt");
  fs::remove(root / "account/namespace");
  const ClusterConfig config = load_cluster_config(sources);
  EXPECT_EQ(config.tls.ca_file, "");
  EXPECT_THAT(config.notes, ElementsAre(HasSubstr("ca.crt")));
  EXPECT_EQ(config.default_namespace, "default");
}

TEST_F(ClusterConfigTest, SearchesInOrder) {
  write_config("home/.kube/config", "from-home");
  variables["HOME"] = path("home");
  EXPECT_EQ(load_cluster_config(sources).server.host, "from-home");
  write_account();
  EXPECT_EQ(load_cluster_config(sources).server.host, "10.96.0.1");
  variables["KUBECONFIG"] =
      path("absent") + ":" + write_config("first", "from-list") + "::" + write_config("second", "x");
  EXPECT_EQ(load_cluster_config(sources).server.host, "from-list");
  sources.kubeconfig = write_config("flag", "from-flag");
  EXPECT_EQ(load_cluster_config(sources).server.host, "from-flag");
}

TEST_F(ClusterConfigTest, PassesOverAnAccountWithoutToken) {
  write_account();
  fs::remove(root / "account/token");
  variables["HOME"] = path("home");
  EXPECT_THAT(error(), HasSubstr("no cluster configuration: "));
  write_config("home/.kube/config", "from-home");
  EXPECT_EQ(load_cluster_config(sources).server.host, "from-home");
}

TEST(KubernetesCheck, C01_WithoutAnyClusterThereIsAClearError) {
  ConfigSources sources;
  sources.environment = [](const std::string&) { return std::nullopt; };
  sources.service_account_directory = "/nonexistent";
  try {
    (void)load_cluster_config(sources);
    FAIL();
  } catch (const ConfigError& fault) {
    EXPECT_THAT(fault.what(), HasSubstr("no cluster configuration: KUBECONFIG is not set"));
  }
}

TEST_F(ClusterConfigTest, SaysWhatCannotBeRead) {
  variables["KUBECONFIG"] = path("absent");
  EXPECT_THAT(error(), HasSubstr("KUBECONFIG: none of the files in " + path("absent") + " exists"));
  variables["KUBECONFIG"] = root.string();
  EXPECT_THAT(error(), HasSubstr(root.string() + ": cannot be read: Is a directory"));
  sources.kubeconfig = path("absent");
  EXPECT_THAT(error(), HasSubstr(path("absent") + ": cannot be read: No such file"));
}

TEST_F(ClusterConfigTest, ChoosesTheContext) {
  sources.kubeconfig = write_config("flag", "api");
  sources.context = "elsewhere";
  EXPECT_THAT(error(), HasSubstr("there is none named \"elsewhere\""));
}

}  // namespace
}  // namespace epp::kube
