// What values do, and which are refused.
#include "render/helm.h"
#include "render/objects.h"
#include "support/files.h"
#include "support/places.h"
#include "support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace epp::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<KubeObject> render(const std::string& values, const std::vector<std::string>& settings = {}) {
  const HelmResult result = Chart(values.substr(0, values.find('-'))).render(values_file(values), settings);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return read_objects(result.manifests);
}

YAML::Node load(const std::vector<KubeObject>& objects, std::string_view title) {
  return YAML::Load(find_object(objects, title).text);
}

YAML::Node pod_of(const YAML::Node& deployment) {
  return deployment["spec"]["template"]["spec"];
}

YAML::Node epp_of(const YAML::Node& deployment) {
  for (const YAML::Node& container : pod_of(deployment)["containers"]) {
    if (container["name"].as<std::string>() == "epp") return container;
  }
  throw std::runtime_error("no EPP in the Deployment");
}

std::vector<std::string> args(const std::vector<KubeObject>& objects) {
  return epp_of(load(objects, "Deployment/qwen-epp"))["args"].as<std::vector<std::string>>();
}

TEST(ChartValues, PoolModeNamesThePool) {
  const auto objects = render("gateway-default");
  EXPECT_THAT(args(objects),
              IsSupersetOf({"--pool-name=qwen", "--pool-namespace=ns", "--pool-group=inference.networking.k8s.io",
                            "--tracing=false", "--config-file=/config/default-plugins.yaml"}));
  EXPECT_THAT(args(objects), Not(Contains(StartsWith("--ha-enable-leader-election"))));
  EXPECT_THAT(args(objects), Not(Contains(StartsWith("--metrics-endpoint-auth"))));
  const YAML::Node deployment = load(objects, "Deployment/qwen-epp");
  EXPECT_EQ(deployment["spec"]["selector"]["matchLabels"]["llm-d-router-gateway"].as<std::string>(), "qwen-epp");
  EXPECT_EQ(deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"].as<int>(), 0);
  const YAML::Node pool = load(objects, "InferencePool/qwen")["spec"];
  EXPECT_EQ(pool["endpointPickerRef"]["failureMode"].as<std::string>(), "FailOpen");
  EXPECT_EQ(pool["endpointPickerRef"]["name"].as<std::string>(), "qwen-epp");
}

TEST(ChartValues, SelectorModeNamesLabelsAndPorts) {
  const auto objects = render("gateway-selector");
  EXPECT_THAT(args(objects),
              IsSupersetOf({"--endpoint-selector=app=qwen,tier=gold", "--endpoint-target-ports=8000,8001"}));
  EXPECT_THAT(args(objects), Not(Contains(StartsWith("--pool-"))));
  EXPECT_THROW(find_object(objects, "InferencePool/qwen"), std::runtime_error);
  EXPECT_EQ(load(objects, "Deployment/qwen-epp")["spec"]["selector"]["matchLabels"]["llm-d-router-standalone"]
                .as<std::string>(),
            "qwen-epp");
}

TEST(ChartValues, FlagsEnvironmentAndImageAreTheUsers) {
  const auto objects = render("gateway-everything");
  EXPECT_THAT(args(objects),
              IsSupersetOf({"--v=4", "--grpc-port=9102", "--grpc-max-recv-msg-size=8Mi", "--tracing=true",
                            "--max-buffered-bytes=1000000000", "--plugin-dir=/plugins/house/lib",
                            "--plugin-dir=/plugins/lab", "--plugin-dir=/plugins/oci"}));
  const YAML::Node epp = epp_of(load(objects, "Deployment/qwen-epp"));
  EXPECT_EQ(epp["image"].as<std::string>(), "example.test/team/epp:v2");
  std::map<std::string, std::string> environment;
  for (const YAML::Node& variable : epp["env"])
    environment[variable["name"].as<std::string>()] = variable["value"].as<std::string>("");
  EXPECT_EQ(environment.at("RETRIES"), "3");
  EXPECT_EQ(environment.at("OTEL_TRACES_SAMPLER_ARG"), "0.5");
  EXPECT_TRUE(environment.contains("POD_NAME"));
  EXPECT_EQ(load(objects, "InferencePool/qwen")["spec"]["targetPorts"][1]["number"].as<int>(), 8001);
  EXPECT_EQ(load(objects, "InferenceObjective/batch")["spec"]["priority"].as<int>(), -5);
  EXPECT_FALSE(load(objects, "InferenceObjective/plain")["spec"]["priority"]);
  const YAML::Node route = load(objects, "HTTPRoute/qwen")["spec"]["rules"][0];
  EXPECT_EQ(route["matches"][0]["headers"].size(), 2u);
  EXPECT_EQ(route["timeouts"]["request"].as<std::string>(), "300s");
}

TEST(ChartValues, ReplicasElectALeaderUnlessTold) {
  EXPECT_THAT(args(render("gateway-replicas")), Contains("--ha-enable-leader-election=true"));
  EXPECT_THAT(args(render("gateway-active-active")), Contains("--ha-enable-leader-election=false"));
}

// Without election an update waits for a ready successor. With it none gets ready while the leader lives.
TEST(KubernetesWeakSpot, W26_UpdatesRoll) {
  const auto strategy = [](const std::string& values) {
    return load(render(values), "Deployment/qwen-epp")["spec"]["strategy"];
  };
  for (const char* values : {"gateway-default", "gateway-active-active"}) {
    EXPECT_EQ(strategy(values)["type"].as<std::string>(), "RollingUpdate") << values;
    EXPECT_EQ(strategy(values)["rollingUpdate"]["maxUnavailable"].as<std::string>(), "0") << values;
  }
  EXPECT_EQ(strategy("gateway-replicas")["rollingUpdate"]["maxUnavailable"].as<std::string>(), "100%");
}

// Neither depends on the pool's existence nor on the mode.
TEST(KubernetesWeakSpot, W23_LivenessAsksWhetherItLives) {
  for (const char* values : {"gateway-default", "gateway-replicas", "standalone-default"}) {
    const YAML::Node epp = epp_of(load(render(values), "Deployment/qwen-epp"));
    EXPECT_EQ(epp["livenessProbe"]["grpc"]["service"].as<std::string>(), "liveness") << values;
    EXPECT_EQ(epp["readinessProbe"]["grpc"]["service"].as<std::string>(), "readiness") << values;
  }
}

TEST(ChartValues, TheEppIsNobodyAndWritesNothing) {
  const YAML::Node deployment = load(render("standalone-default"), "Deployment/qwen-epp");
  EXPECT_TRUE(pod_of(deployment)["securityContext"]["runAsNonRoot"].as<bool>());
  EXPECT_FALSE(pod_of(deployment)["automountServiceAccountToken"].as<bool>());
  for (const YAML::Node& container : {epp_of(deployment), YAML::Node(pod_of(deployment)["initContainers"][0])}) {
    EXPECT_TRUE(container["securityContext"]["readOnlyRootFilesystem"].as<bool>());
    EXPECT_FALSE(container["securityContext"]["allowPrivilegeEscalation"].as<bool>());
  }
}

TEST(ChartValues, ProxyIsASidecarThatEndsLast) {
  const auto objects = render("standalone-default");
  const YAML::Node proxy = pod_of(load(objects, "Deployment/qwen-epp"))["initContainers"][0];
  EXPECT_EQ(proxy["restartPolicy"].as<std::string>(), "Always");
  EXPECT_EQ(load(objects, "Service/qwen-epp")["spec"]["ports"][2]["port"].as<int>(), 8081);
}

TEST(ChartValues, ProxyServiceHasReplicasOfItsOwn) {
  const auto objects = render("standalone-service");
  const YAML::Node proxy = load(objects, "Deployment/qwen-epp-proxy");
  EXPECT_EQ(proxy["spec"]["replicas"].as<int>(), 3);
  EXPECT_FALSE(pod_of(load(objects, "Deployment/qwen-epp"))["initContainers"]);
  EXPECT_EQ(load(objects, "Service/qwen-epp")["spec"]["ports"].size(), 2u);
  EXPECT_EQ(load(objects, "Service/qwen-epp-proxy")["spec"]["ports"][0]["port"].as<int>(), 8081);
}

TEST(ChartValues, PayloadAgnosticNeedsAnAlphaPlugin) {
  EXPECT_THAT(args(render("standalone-service")),
              IsSupersetOf({"--config-file=/config/payload-agnostic.yaml", "--allow-experimental-plugins=true"}));
}

TEST(ChartValues, AgentgatewayGetsPlaintext) {
  EXPECT_THAT(args(render("standalone-agentgateway")), Contains("--secure-serving=false"));
}

TEST(ChartValues, GatewaysGetWhatTheyWant) {
  const YAML::Node rule = load(render("gateway-istio"), "DestinationRule/qwen-epp")["spec"];
  EXPECT_EQ(rule["host"].as<std::string>(), "qwen-epp.ns.svc.cluster.local");
  EXPECT_TRUE(rule["trafficPolicy"]["tls"]["insecureSkipVerify"].as<bool>());
  EXPECT_EQ(rule["trafficPolicy"]["connectionPool"]["http"]["maxRequestsPerConnection"].as<int>(), 256000);
  const auto gke = render("gateway-gke");
  EXPECT_EQ(load(gke, "HealthCheckPolicy/qwen")["spec"]["default"]["config"]["type"].as<std::string>(), "GRPC");
  EXPECT_EQ(load(gke, "InferencePool/qwen")["spec"]["appProtocol"].as<std::string>(), "kubernetes.io/h2c");
  EXPECT_FALSE(load(gke, "HTTPRoute/qwen")["spec"]["rules"][0]["timeouts"]);
  EXPECT_EQ(load(gke, "RoleBinding/qwen-epp-metrics-reader-secret")["subjects"][0]["namespace"].as<std::string>(),
            "gke-gmp-system");
}

// Every configuration that a chart can render is one that the EPP takes.
TEST(ChartValues, EppTakesTheConfigurations) {
  const auto try_out = [](const std::string& values, const std::vector<std::string>& settings = {}) {
    const YAML::Node files = load(render(values, settings), "ConfigMap/qwen-epp")["data"];
    for (const auto& file : files) {
      const TempDir directory;
      const auto path = directory.path() / file.first.as<std::string>();
      write_file(path, file.second.as<std::string>());
      std::vector<std::string> arguments{
          "validate", "--config-file", path.string(), "--plugin-dir", EPP_PLUGIN_DIR, "--pool-name", "p"};
      if (path.filename() == "payload-agnostic.yaml") arguments.emplace_back("--allow-experimental-plugins");
      Process epp(built_program("epp"), arguments);
      const auto code = epp.wait();
      EXPECT_EQ(code, 0) << values << ' ' << path.filename() << ":\n" << epp.output();
    }
  };
  for (const char* values : {"gateway-default", "gateway-everything", "gateway-monitoring", "gateway-open-metrics",
                             "gateway-flow-control"}) {
    try_out(values);
  }
}

struct Refusal {
  const char* setting;
  const char* reason;
};

TEST(ChartRefusals, SayWhatIsWrong) {
  const Refusal refusals[] = {
      {"inferencePool.modelServerType=vllm", "inferencePool is no longer a value: its settings are in"},
      {"inferenceExtension.replicas=2", "inferenceExtension is no longer a value: its settings are in router.epp"},
      {"inferenceObjectives[0].name=a", "its settings are in router.inferenceObjectives"},
      {"experimentalHttpRoute.enabled=true", "its settings are in httpRoute"},
      {"router.inferencePool.failureMode=FailClosed",
       "at '/router/inferencePool/failureMode': value must be one of 'FailOpen', 'FailClose'"},
      {"router.modelServers.type=tgi", "at '/router/modelServers/type': value must be one of 'vllm'"},
      {"router.modelServers.protocol=http2", "at '/router/modelServers/protocol': value must be one of"},
      {"provider.name=kgateway", "at '/provider/name': value must be one of 'none', 'gke', 'istio'"},
      {"router.epp.replica=2", "at '/router/epp': additional properties 'replica' not allowed"},
      {"router.modelServers.targetPorts[0].number=0", "at '/router/modelServers/targetPorts/0/number'"},
      {"router.modelServers.matchLabels=null", "router.modelServers.matchLabels is required"},
      {"router.latencyPredictor.enabled=true", "predicted latency is not part of epp-host yet"},
      {"provider.gke.preferredBackends.enabled=true",
       "at '/provider/gke/preferredBackends/enabled': value must be false"},
      {"router.epp.flags.drain-timeout=65s", "must exceed twice the flag drain-timeout"},
      {"router.epp.flags.drain-timeout=2m", "must exceed twice the flag drain-timeout"},
      {"router.epp.pluginsConfigFile=none.yaml", "there is no none.yaml; known: default-plugins.yaml"},
      {"router.epp.plugins[0].name=a", "\"a\" needs either image or volume"},
      {"router.tokenizer.enabled=true", "router.tokenizer.modelName is required"},
  };
  for (const Refusal& refusal : refusals) {
    const HelmResult result = Chart("gateway").render(values_file("gateway-default"), {refusal.setting});
    EXPECT_NE(result.exit_code, 0) << refusal.setting;
    EXPECT_THAT(result.output, HasSubstr(refusal.reason)) << refusal.setting;
  }
}

TEST(ChartRefusals, OfTheStandaloneChart) {
  const Refusal refusals[] = {
      {"provider.name=gke", "provider is a value of the chart epp-host-gateway"},
      {"router.proxy.failOpen=true", "Envoy cannot pass on a request"},
      {"router.proxy.proxyType=agentgateway", "needs router.inferencePool.create=false"},
      {"router.proxy.mode=daemon", "at '/router/proxy/mode': value must be one of 'sidecar', 'service'"},
  };
  for (const Refusal& refusal : refusals) {
    const HelmResult result = Chart("standalone").render(values_file("standalone-default"), {refusal.setting});
    EXPECT_NE(result.exit_code, 0) << refusal.setting;
    EXPECT_THAT(result.output, HasSubstr(refusal.reason)) << refusal.setting;
  }
}

}  // namespace
}  // namespace epp::testing
