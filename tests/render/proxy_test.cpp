// The Envoy bootstraps of the standalone chart and of configs/kubernetes, with a real Envoy.
#include "render/helm.h"
#include "render/objects.h"
#include "support/epp_server.h"
#include "support/files.h"
#include "support/http_client.h"
#include "support/model_sim.h"
#include "support/places.h"
#include "support/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace epp::testing {
namespace {

using ::testing::HasSubstr;

std::string bootstrap_of(const std::vector<KubeObject>& objects, const std::string& config_map) {
  return YAML::Load(find_object(objects, "ConfigMap/" + config_map).text)["data"]["envoy.yaml"].as<std::string>();
}

std::string chart_bootstrap(const std::string& values) {
  const HelmResult result = Chart("standalone").render(values_file(values));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return bootstrap_of(read_objects(result.manifests), "qwen-epp-proxy");
}

std::string manifest_bootstrap() {
  return bootstrap_of(read_objects(read_file(source_file("configs/kubernetes/envoy.yaml"))), "envoy");
}

// A bootstrap with ports of this machine in place of its own.
std::string with_ports(std::string text, const std::map<int, std::uint16_t>& ports) {
  for (const auto& [from, to] : ports) {
    const std::string wanted = "port_value: " + std::to_string(from) + " ";
    for (std::size_t at = 0; (at = text.find(wanted, at)) != std::string::npos;)
      text.replace(at, wanted.size(), "port_value: " + std::to_string(to) + " ");
  }
  return text;
}

TEST(ProxyBootstrap, EnvoyTakesThem) {
  std::map<std::string, std::string> bootstraps{{"configs/kubernetes/envoy.yaml", manifest_bootstrap()}};
  for (const char* values : {"standalone-default", "standalone-service", "standalone-plain"})
    bootstraps[values] = chart_bootstrap(values);
  for (const auto& [name, text] : bootstraps) {
    const TempDir directory;
    write_file(directory.path() / "envoy.yaml", text);
    Process envoy(envoy_program(), {"--mode", "validate", "-c", (directory.path() / "envoy.yaml").string()});
    const auto code = envoy.wait();
    EXPECT_EQ(code, 0) << name << ":\n" << envoy.output();
  }
}

TEST(ProxyBootstrap, ChartAndManifestSayTheSame) {
  const std::string chart = YAML::Dump(YAML::Load(chart_bootstrap("standalone-default")));
  EXPECT_EQ(chart, YAML::Dump(YAML::Load(manifest_bootstrap())));
}

// Over TLS as by default, with the health service where Envoy asks for it.
TEST(ProxyBootstrap, RequestsPassTheEppAndReachTheModelServer) {
  const ModelSim model;
  EppServer epp(
      {.arguments = {"--secure-serving=true", "--health-checking=true", "--endpoint", "m=" + model.address()}});
  const std::uint16_t clients = free_port();
  const std::uint16_t ready = free_port();
  const std::uint16_t admin = free_port();
  const TempDir directory;
  write_file(directory.path() / "envoy.yaml",
             with_ports(chart_bootstrap("standalone-default"),
                        {{8081, clients}, {19001, ready}, {19000, admin}, {9002, epp.grpc_port()}}));
  Process envoy(envoy_program(), {"-c", (directory.path() / "envoy.yaml").string(), "--concurrency", "1",
                                  "--disable-hot-restart", "--log-level", "warning"});
  const auto answers = [](std::uint16_t port, const std::string& path) {
    try {
      return http_get(port, path).status == 200;
    } catch (const std::runtime_error&) {
      return false;  // does not listen yet
    }
  };
  ASSERT_TRUE(wait_until([&] { return answers(ready, "/ready"); })) << envoy.output();

  const std::string body = R"({"model":"demo","prompt":"hello","max_tokens":4})";
  const HttpResponse answer = http_post(clients, "/v1/completions", body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.header("x-sim-endpoint"), model.address());
  // A client cannot choose where it goes.
  const HttpResponse forged =
      http_post(clients, "/v1/completions", body, {{"x-gateway-destination-endpoint", "127.0.0.1:1"}});
  EXPECT_EQ(forged.status, 200) << forged.body;

  const std::string healthy = "envoy_cluster_membership_healthy{envoy_cluster_name=\"ext_proc\"} 1";
  EXPECT_THAT(http_get(ready, "/stats/prometheus").body, HasSubstr(healthy));
  const std::string failed = "envoy_cluster_health_check_failure{envoy_cluster_name=\"ext_proc\"} 0";
  EXPECT_THAT(http_get(ready, "/stats/prometheus").body, HasSubstr(failed));
}

}  // namespace
}  // namespace epp::testing
