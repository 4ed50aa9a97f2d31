// What a configuration must contain to be served: errors end the start with status 1 and say what is wrong.
#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"
#include "support/http_client.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::conformance {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kNamed = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

::testing::AssertionResult refuses(const std::string& config, const std::string& text, Flags more = {}) {
  more.push_back(silent_endpoint(1));
  const Refusal refusal = refusal_of(with(config, more));
  if (refusal.exit_code != 1) {
    return ::testing::AssertionFailure() << "exit status "
                                         << (refusal.exit_code ? std::to_string(*refusal.exit_code) : "none") << "\n"
                                         << refusal.text;
  }
  if (refusal.text.find(text) == std::string::npos) return ::testing::AssertionFailure() << refusal.text;
  return ::testing::AssertionSuccess();
}

// A served configuration.
struct Served {
  explicit Served(const std::string& config, Flags more = {})
      : epp({.arguments = with(config, with_endpoint(std::move(more)))}), client(epp.grpc_port()) {}
  static Flags with_endpoint(Flags flags) {
    flags.push_back(silent_endpoint(1));
    return flags;
  }
  json names(const char* role) const {
    json found = json::array();
    const json config = effective_config(epp);
    for (const json& plugin : config.at("plugins")) {
      const json& roles = plugin.at("roles");
      if (std::find(roles.begin(), roles.end(), role) != roles.end()) found.push_back(plugin.at("name"));
    }
    return found;
  }
  EppServer epp;
  Client client;
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(ConfigCheck, C01_NoFlagsMeanTheBuiltInDefault) {
  const EppServer epp({.arguments = {silent_endpoint(1)}});
  const json config = effective_config(epp);
  EXPECT_EQ(config.at("schedulingProfiles"), json::parse(R"([{"name": "default", "filters": [], "scorers": [
      {"pluginRef": "queue-scorer", "weight": 2.0}, {"pluginRef": "kv-cache-utilization-scorer", "weight": 2.0},
      {"pluginRef": "prefix-cache-scorer", "weight": 3.0}], "picker": "max-score-picker"}])"));
  EXPECT_EQ(config.at("profileHandler"), "single-profile-handler");
  EXPECT_EQ(config.at("requestHandler").at("parsers"),
            json::parse(R"([{"pluginRef": "openai-parser"}, {"pluginRef": "anthropic-parser"},
                            {"pluginRef": "vllmhttp-parser"}, {"pluginRef": "passthrough-parser"}])"));
  EXPECT_EQ(config.at("flowControl").at("saturationDetector").at("pluginRef"), "utilization-detector");
  std::vector<std::string> injected;
  for (const json& plugin : config.at("plugins")) {
    if (plugin.at("origin") == "injected") injected.push_back(plugin.at("name"));
  }
  EXPECT_THAT(injected, ::testing::UnorderedElementsAre(
                            "single-profile-handler", "max-score-picker", "fcfs-ordering-policy",
                            "global-strict-fairness-policy", "static-usage-limit-policy", "openai-parser",
                            "anthropic-parser", "vllmhttp-parser", "passthrough-parser", "utilization-detector"));
}

TEST(ConfigCheck, C02_VersionAndKindAloneSpreadUniformly) {
  const EppServer epp({.arguments = with(kNamed, {silent_endpoint(1), silent_endpoint(2)})});
  const auto counts = Client(epp.grpc_port()).spread(400);
  ASSERT_EQ(counts.size(), 2U);
  // 200 expected; 6 standard deviations are 60.
  EXPECT_GT(counts.at(silent_address(1)), 140);
  EXPECT_GT(counts.at(silent_address(2)), 140);
}

TEST(ConfigCheck, C03_VersionAndKindMayBeAbsent) {
  const Served served("plugins:\n- type: queue-scorer\n");
  EXPECT_EQ(served.client.ask().status, 200);
}

TEST(ConfigCheck, C04_DeprecatedVersionIsSaidOnce) {
  Served served("apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n");
  EXPECT_EQ(count(served.epp.process().output(), "DEPRECATION"), 1U) << served.epp.process().output();
}

TEST(ConfigCheck, C05_UnknownKind) {
  EXPECT_TRUE(refuses("kind: Foo", "no kind \"Foo\" is registered"));
}

TEST(ConfigCheck, C06_UnknownFields) {
  EXPECT_TRUE(refuses("pluginz: []", "unknown field \"pluginz\""));
  EXPECT_TRUE(refuses("Plugins: []", "unknown field \"Plugins\""));
}

TEST(ConfigCheck, C07_RepeatedKey) {
  EXPECT_TRUE(refuses("plugins: []\nplugins: []\n", "key \"plugins\" already set in map"));
}

TEST(ConfigCheck, C08_ParametersAreStrictButNotInCase) {
  EXPECT_TRUE(
      refuses("plugins:\n- type: load-aware-scorer\n  parameters: {treshold: 5}\n", "unknown field \"treshold\""));
  // Half of the threshold is waiting.
  const Engine engine(vllm_page(2.5));
  const EppServer epp({.arguments = with("plugins:\n- type: load-aware-scorer\n  parameters: {Threshold: 5}\n",
                                         {endpoint("a", engine.port()), "--emit-endpoint-scores"})});
  ASSERT_TRUE(has_queues(epp, {{"a", 2}}));
  const auto scores = Client(epp.grpc_port()).ask().scores;
  ASSERT_EQ(scores.size(), 1U);
  EXPECT_NEAR(scores.begin()->second, 0.5 * (1 - 2.0 / 5), 1e-9);
}

TEST(ConfigCheck, C09_ParametersOfATypeThatReadsNone) {
  const Served served("plugins:\n- type: queue-scorer\n  parameters: {x: 1}\n");
  EXPECT_EQ(served.client.ask().status, 200);
}

TEST(ConfigCheck, C10_RepeatedName) {
  EXPECT_TRUE(
      refuses("plugins:\n- type: queue-scorer\n- type: queue-scorer\n", "duplicate plugin name 'queue-scorer'"));
}

TEST(ConfigCheck, C11_TypeUnknownOrMissing) {
  EXPECT_TRUE(refuses("plugins:\n- type: nope\n", "plugin type 'nope' is not registered"));
  EXPECT_TRUE(refuses("plugins:\n- name: a\n", "plugin 'a' is missing a type"));
}

TEST(ConfigCheck, C12_FeatureGates) {
  for (const char* gates : {"['flowControl=']", "['flowControl=qwerty']", "[FlowControl]", "[' flowControl']"}) {
    EXPECT_TRUE(
        refuses("featureGates: " + std::string(gates), "failed to parse config - feature gate validation failed: "))
        << gates;
  }
  for (const char* gates : {"['flowControl=F']", "['flowControl=0']", "[flowControl, 'flowControl=false']"}) {
    const Served served("featureGates: " + std::string(gates));
    const json config = effective_config(served.epp);
    EXPECT_THAT(config.at("featureGates"), ::testing::Contains("flowControl=false")) << gates;
  }
}

TEST(ConfigCheck, C13_SectionWithoutItsGate) {
  Served limits("flowControl: {maxBytes: \"1024\"}");
  EXPECT_THAT(limits.epp.process().output(), HasSubstr("WARNING"));
  Served detector("flowControl: {saturationDetector: {pluginRef: utilization-detector}}");
  EXPECT_EQ(count(detector.epp.process().output(), "WARNING"), 0U) << detector.epp.process().output();
}

TEST(ConfigCheck, C17_PoliciesAreLookedUpOnlyWithTheGate) {
  const Served served("flowControl: {defaultPriorityBand: {orderingPolicyRef: ghost}}");
  EXPECT_EQ(served.client.ask().status, 200);
}

const std::string kTwoProfiles =
    "schedulingProfiles:\n- name: a\n  plugins: [{pluginRef: queue-scorer}]\n"
    "- name: b\n  plugins: [{pluginRef: queue-scorer}]\n";

TEST(ConfigCheck, C18_SeveralProfilesNeedAHandlerOfTheirOwn) {
  EXPECT_TRUE(refuses("plugins:\n- type: queue-scorer\n" + kTwoProfiles, "no profile handler configured"));
  EXPECT_TRUE(refuses("plugins:\n- type: queue-scorer\n- type: single-profile-handler\n" + kTwoProfiles,
                      "SingleProfileHandler cannot support multiple scheduling profiles"));
}

TEST(ConfigCheck, C19_SeveralProfileHandlers) {
  EXPECT_TRUE(refuses("plugins:\n- type: single-profile-handler\n- {name: other, type: single-profile-handler}\n",
                      "multiple profile handlers found"));
}

TEST(ConfigCheck, C20_Pickers) {
  const std::string two = "plugins:\n- type: random-picker\n- type: max-score-picker\n";
  EXPECT_TRUE(refuses(two + "schedulingProfiles:\n- name: default\n  plugins: [{pluginRef: random-picker}, {pluginRef: "
                            "max-score-picker}]\n",
                      "failed to add plugin 'max-score-picker' to profile 'default': failed to set "
                      "'max-score-picker/max-score-picker' as picker, already have a registered picker plugin "
                      "'random-picker/random-picker'"));
  const Served served(
      "plugins:\n- type: random-picker\n- type: queue-scorer\nschedulingProfiles:\n- name: default\n"
      "  plugins: [{pluginRef: queue-scorer}]\n");
  EXPECT_EQ(effective_config(served.epp).at("schedulingProfiles").at(0).at("picker"), "random-picker");
}

TEST(ConfigCheck, C21_AProfileMayNameAPluginOfAnotherKind) {
  const Served served(
      "plugins:\n- type: openai-parser\n- type: queue-scorer\nschedulingProfiles:\n- name: default\n"
      "  plugins: [{pluginRef: openai-parser}, {pluginRef: queue-scorer}]\n");
  EXPECT_EQ(served.client.ask().status, 200);
  EXPECT_EQ(effective_config(served.epp).at("schedulingProfiles").at(0).at("scorers").size(), 1U);
}

TEST(ConfigCheck, C22_ParserReferences) {
  const Served served("requestHandler: {parsers: [{pluginRef: anthropic-parser}]}");
  EXPECT_EQ(served.names("parser"), json::array({"anthropic-parser"}));
  EXPECT_TRUE(refuses("plugins:\n- type: max-score-picker\nrequestHandler: {parsers: [{pluginRef: max-score-picker}]}",
                      "the plugin \"max-score-picker\" is not a parser plugin"));
  EXPECT_TRUE(refuses("requestHandler: {parsers: [{pluginRef: ghost-parser}]}",
                      "plugin type 'ghost-parser' not found in registry"));
}

TEST(ConfigCheck, C23_TheListWinsOverTheDeprecatedField) {
  const Served served("parser: {pluginRef: ghost-parser}\nrequestHandler: {parsers: [{pluginRef: openai-parser}]}");
  EXPECT_EQ(served.names("parser"), json::array({"openai-parser"}));
}

TEST(ConfigCheck, C24_UndefinedSaturationDetector) {
  EXPECT_TRUE(refuses("flowControl: {saturationDetector: {pluginRef: concurrency-detector}}",
                      "saturation detector references undefined plugin 'concurrency-detector'"));
  EXPECT_TRUE(refuses("plugins:\n- type: queue-scorer\nflowControl: {saturationDetector: {pluginRef: queue-scorer}}",
                      "failed to load the configuration - plugin 'queue-scorer' is not a fwkfc.SaturationDetector"));
}

TEST(ConfigCheck, C26_NoDefaultProducer) {
  EXPECT_TRUE(refuses("plugins:\n- type: queue-scorer\ndataLayer: {injectDefaults: false}\n",
                      "failed to create missing data producers - no default producer found for missing data key "
                      "WaitingQueueSize/core-metrics-extractor, consumed by queue-scorer"));
}

TEST(ConfigCheck, C27_DefaultProducersAppearInTheState) {
  const Served served("plugins:\n- type: prefix-cache-scorer\n");
  const json state = json::parse(testing::http_get(served.epp.metrics_port(), "/debug/plugins/state").body);
  EXPECT_TRUE(state.at("plugins").contains("approx-prefix-cache-producer")) << state;
  EXPECT_TRUE(state.at("plugins").contains("token-producer")) << state;
}

TEST(ConfigCheck, C28_ProducerNameWithoutPlugin) {
  EXPECT_TRUE(refuses("plugins:\n- type: prefix-cache-scorer\n  parameters: {prefixMatchInfoProducerName: ghost}\n",
                      "PrefixCacheMatchInfoDataKey/ghost"));
}

TEST(ConfigCheck, C29_ExperimentalPluginsNeedTheirFlag) {
  const std::string alpha = "plugins:\n- type: session-affinity-filter\n";
  EXPECT_TRUE(refuses(alpha, "--allow-experimental-plugins"));
  const Served served(alpha, {"--allow-experimental-plugins"});
  EXPECT_EQ(served.client.ask().status, 200);
}

TEST(ConfigCheck, C30_DiscoveryWithoutItsPlugin) {
  EXPECT_TRUE(refuses("dataLayer: {discovery: {pluginRef: x}}", "discovery: no plugin found with name \"x\""));
  EXPECT_TRUE(refuses("plugins:\n- type: queue-scorer\ndataLayer: {discovery: {pluginRef: queue-scorer}}",
                      "discovery: plugin \"queue-scorer\" does not implement EndpointDiscovery"));
}

TEST(ConfigCheck, C31_AnIpv6AddressFailsTheInitialLoadButNotAReload) {
  const testing::TempDir directory;
  const auto file = directory.path() / "endpoints.yaml";
  const std::string good = "endpoints:\n- {name: a, address: 127.1.0.1, port: \"1\"}\n";
  const std::string bad = "- {name: six, address: \"::1\", port: \"1\"}\n";
  const std::string config = "plugins:\n- type: file-discovery\n  parameters: {path: " + file.string() +
                             ", watchFile: true}\ndataLayer: {discovery: {pluginRef: file-discovery}}\n";
  testing::write_file(file, good + bad);
  const Refusal refusal = refusal_of(with(config, {"--pool-name=p"}));
  EXPECT_EQ(refusal.exit_code, 1);
  EXPECT_THAT(refusal.text, HasSubstr("::1"));

  testing::write_file(file, good);
  const EppServer epp({.arguments = with(config, {"--pool-name=p"})});
  EXPECT_THAT(endpoint_names(epp), ElementsAre("a"));
  testing::write_file(file, good + bad + "- {name: b, address: 127.1.0.2, port: \"1\"}\n");
  EXPECT_TRUE(testing::wait_until([&] { return endpoint_names(epp) == std::vector<std::string>{"a", "b"}; }));
}

TEST(ConfigCheck, C32_ASourceThatIsNone) {
  EXPECT_TRUE(
      refuses("plugins:\n- type: queue-scorer\ndataLayer: {sources: [{pluginRef: queue-scorer, extractors: "
              "[]}]}\n",
              "queue-scorer is not a fwkdl.DataSource"));
}

TEST(ConfigCheck, C33_IntervalsAreMultiplesOfTheBaseTick) {
  const Engine engine;
  const EppServer epp({.arguments = with("plugins:\n- type: metrics-data-source\n  parameters: {interval: 130ms}\n",
                                         {endpoint("a", engine.port()), "--refresh-metrics-interval=50ms"})});
  EXPECT_TRUE(engine.is_scraped_every(std::chrono::milliseconds(150)));
}

TEST(ConfigCheck, C34_Weights) {
  const auto weighted = [](const std::string& weight) {
    return "plugins:\n- type: queue-scorer\nschedulingProfiles:\n- name: default\n  plugins: [{pluginRef: "
           "queue-scorer, weight: " +
           weight + "}]\n";
  };
  EXPECT_TRUE(refuses(weighted("\"2\""), "weight"));
  const Engine idle(vllm_page(0));
  const Engine busy(vllm_page(9));
  const EppServer epp(
      {.arguments = with(weighted("-1"), {endpoint("idle", idle.port()), endpoint("busy", busy.port())})});
  ASSERT_TRUE(has_queues(epp, {{"idle", 0}, {"busy", 9}}));
  EXPECT_EQ(Client(epp.grpc_port()).ask().destination, "127.0.0.1:" + std::to_string(busy.port()));
}

TEST(ConfigCheck, C35_FileAndText) {
  EXPECT_TRUE(refuses("plugins: []", "config", {"--config-file=/nonexistent/file"}));
  const Refusal refusal = refusal_of(with("plugins: []", {"--config-file=/nonexistent/file"}));
  EXPECT_EQ(refusal.text.find("no such file"), std::string::npos) << refusal.text;
}

}  // namespace
}  // namespace epp::conformance
