// The numbered black-box checks of the configuration reference that can be shown without a running process.
// Those of flow control stand in flow_control_check_test.cpp.
#include "config/flags.h"
#include "config/parameters.h"
#include "unit/config/fake_catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

TEST(ConfigCheck, C01_BuiltInDefault) {
  const Outcome outcome = run("");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const auto& config = *outcome.config;
  ASSERT_EQ(config.profiles.size(), 1U);
  const auto& profile = config.profiles[0];
  EXPECT_EQ(profile.name, "default");
  EXPECT_THAT(profile.filters, IsEmpty());
  ASSERT_EQ(profile.scorers.size(), 3U);
  EXPECT_EQ(outcome.name(profile.scorers[0].instance), "queue-scorer");
  EXPECT_EQ(outcome.name(profile.scorers[1].instance), "kv-cache-utilization-scorer");
  EXPECT_EQ(outcome.name(profile.scorers[2].instance), "prefix-cache-scorer");
  EXPECT_EQ(profile.scorers[0].weight, 2);
  EXPECT_EQ(profile.scorers[1].weight, 2);
  EXPECT_EQ(profile.scorers[2].weight, 3);
  EXPECT_EQ(outcome.name(profile.picker), "max-score-picker");
  EXPECT_EQ(outcome.name(config.profile_handler), "single-profile-handler");
  EXPECT_EQ(outcome.name(config.saturation_detector), "utilization-detector");
  EXPECT_THAT(outcome.names(config.parsers),
              ElementsAre("openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"));
  for (const char* policy : {"fcfs-ordering-policy", "global-strict-fairness-policy", "static-usage-limit-policy"}) {
    const Instance* instance = config.find(policy);
    ASSERT_NE(instance, nullptr) << policy;
    EXPECT_EQ(instance->origin, Origin::kInjected);
  }
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(outcome.name(config.sources[0].source), "metrics-data-source");
  EXPECT_THAT(outcome.names(config.sources[0].extractors), ElementsAre("core-metrics-extractor"));
}

TEST(ConfigCheck, C02_OnlyVersionAndKind) {
  const Outcome outcome = run("apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  ASSERT_EQ(outcome.config->profiles.size(), 1U);
  const auto& profile = outcome.config->profiles[0];
  EXPECT_EQ(profile.name, "default");
  EXPECT_THAT(profile.scorers, IsEmpty());
  EXPECT_EQ(outcome.name(profile.picker), "max-score-picker");
  EXPECT_EQ(outcome.config->sources.size(), 1U);
}

TEST(ConfigCheck, C03_WithoutVersionAndKind) {
  for (const char* text : {"plugins: []", "# only a comment\n", "  \n", "{}", "kind: EndpointPickerConfig",
                           "apiVersion: llm-d.ai/v1alpha1"}) {
    EXPECT_TRUE(run(text).ok()) << text;
  }
}

TEST(ConfigCheck, C04_DeprecatedVersionIsAcceptedWithOneLine) {
  const Outcome outcome = run("apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig");
  EXPECT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_EQ(outcome.count(Severity::kDeprecation, "DEPRECATION"), 1U);
  EXPECT_TRUE(outcome.deprecates("llm-d.ai/v1alpha1"));
}

TEST(ConfigCheck, C05_UnknownKind) {
  EXPECT_TRUE(run("kind: Foo")
                  .fails_with("failed to parse config - failed to decode configuration JSON/YAML: no kind \"Foo\" is "
                              "registered for version "
                              "\"llm-d.ai/v1alpha1\" in scheme"));
  EXPECT_TRUE(run("apiVersion: llm-d.ai/v2\nkind: EndpointPickerConfig")
                  .fails_with("no kind \"EndpointPickerConfig\" is registered for version \"llm-d.ai/v2\""));
  EXPECT_TRUE(run("apiVersion: a/b/c").fails_with("unexpected GroupVersion string: a/b/c"));
}

TEST(ConfigCheck, C06_UnknownTopLevelField) {
  EXPECT_TRUE(run("pluginz: []").fails_with("strict decoding error: unknown field \"pluginz\""));
  EXPECT_TRUE(run("Plugins: []").fails_with("strict decoding error: unknown field \"Plugins\""));
  EXPECT_NE(run("pluginz: []").rendered().find("did you mean \"plugins\"?"), std::string::npos);
  EXPECT_TRUE(run("plugins:\n- type: queue-scorer\n  weigth: 1").fails_with("unknown field \"plugins[0].weigth\""));
}

TEST(ConfigCheck, C07_RepeatedKey) {
  const Outcome yaml = run("plugins: []\nplugins: []\n");
  EXPECT_TRUE(yaml.fails_with("line 2: key \"plugins\" already set in map")) << yaml.rendered();
  EXPECT_TRUE(run(R"({"plugins": [], "plugins": []})").fails_with("duplicate field \"plugins\""));
  EXPECT_TRUE(run("plugins:\n- type: queue-scorer\n  parameters: {a: 1, a: 2}").fails_with("already set in map"));
  EXPECT_TRUE(run(R"({"plugins": [{"type": "queue-scorer", "parameters": {"a": 1, "a": 2}}]})").ok());
}

TEST(ConfigCheck, C08_ParameterNames) {
  const Outcome typo = run("plugins:\n- type: load-aware-scorer\n  parameters: {treshold: 5}");
  EXPECT_TRUE(
      typo.fails_with("failed to load the configuration - plugin instantiation failed: failed to create plugin "
                      "'load-aware-scorer' (type: load-aware-scorer): json: unknown field \"treshold\""));
  EXPECT_NE(typo.rendered().find("(epp.yaml:3:26 at /plugins/0/parameters/treshold; did you mean \"threshold\"?)"),
            std::string::npos)
      << typo.rendered();
  const Outcome other_case = run("plugins:\n- type: load-aware-scorer\n  parameters: {Threshold: 5}");
  ASSERT_TRUE(other_case.ok()) << other_case.rendered();
  EXPECT_EQ(other_case.config->instances[0].parameters, R"({"threshold":5})");
}

TEST(ConfigCheck, C09_IgnoredParameters) {
  EXPECT_TRUE(run("plugins:\n- type: queue-scorer\n  parameters: {x: 1}").ok());
}

TEST(ConfigCheck, C10_RepeatedName) {
  EXPECT_TRUE(
      run("plugins:\n- type: queue-scorer\n- type: queue-scorer")
          .fails_with("failed to load the configuration - configuration validation failed: duplicate plugin name "
                      "'queue-scorer'"));
}

TEST(ConfigCheck, C11_TypeUnknownOrMissing) {
  EXPECT_TRUE(run("plugins:\n- type: nope").fails_with("plugin type 'nope' is not registered"));
  EXPECT_TRUE(run("plugins:\n- name: a").fails_with("plugin 'a' is missing a type"));
}

TEST(ConfigCheck, C12_FeatureGates) {
  struct Case {
    const char* gates;
    bool ok;
    bool flow_control;
  };
  const Case cases[] = {{"[flowControl]", true, true},
                        {"[]", true, false},
                        {"[flowControl=true]", true, true},
                        {"['flowControl= T ']", true, true},
                        {"[flowControl=1]", true, true},
                        {"[flowControl=true=junk]", true, true},
                        {"[flowControl=F]", true, false},
                        {"[flowControl=0]", true, false},
                        {"[flowControl=]", false, false},
                        {"[flowControl=qwerty]", false, false},
                        {"[FlowControl]", false, false},
                        {"[' flowControl']", false, false},
                        {"[flowControl, flowControl=false]", true, false},
                        {"[flowControl=false, flowControl]", true, true}};
  for (const auto& c : cases) {
    const Outcome outcome = decode_only(std::string("featureGates: ") + c.gates);
    EXPECT_EQ(!outcome.diagnostics.has_errors(), c.ok) << c.gates << "\n" << outcome.rendered();
    EXPECT_EQ(outcome.loaded.config.feature_gates.flow_control, c.flow_control) << c.gates;
    EXPECT_TRUE(outcome.loaded.config.feature_gates.ha_populate_non_leader_datastore) << c.gates;
  }
  EXPECT_TRUE(decode_only("featureGates: [FlowControl]")
                  .fails_with("failed to parse config - feature gate validation failed: feature gate 'FlowControl' is "
                              "unknown or unregistered"));
  EXPECT_TRUE(decode_only("featureGates: [flowControl=qwerty]")
                  .fails_with("qwerty is not a valid value for the feature gate flowControl (error: "));
}

TEST(ConfigCheck, C18_ProfileHandlerForSeveralProfiles) {
  const std::string profiles = "schedulingProfiles: [{name: a}, {name: b}]\n";
  EXPECT_TRUE(run(profiles).fails_with(
      "failed to load the configuration - scheduler config build failed: no profile handler configured"));
  EXPECT_TRUE(run(profiles + "plugins: [{type: single-profile-handler}]")
                  .fails_with("SingleProfileHandler cannot support multiple scheduling profiles"));
  EXPECT_TRUE(run(profiles + "plugins: [{type: disagg-profile-handler}]").ok());
}

TEST(ConfigCheck, C19_SeveralProfileHandlers) {
  EXPECT_TRUE(run("plugins: [{type: single-profile-handler, name: a}, {type: disagg-profile-handler, name: b}]")
                  .fails_with("multiple profile handlers found ('a', 'b'); only one is allowed"));
}

TEST(ConfigCheck, C20_Pickers) {
  EXPECT_TRUE(run("plugins: [{type: max-score-picker, name: a}, {type: random-picker, name: b}]\n"
                  "schedulingProfiles: [{name: p, plugins: [{pluginRef: a}, {pluginRef: b}]}]")
                  .fails_with("failed to set 'b/random-picker' as picker, already have a registered picker plugin "
                              "'a/max-score-picker'"));
  EXPECT_TRUE(run("plugins: [{type: random-picker}]\n"
                  "schedulingProfiles: [{name: p, plugins: [{pluginRef: random-picker}, {pluginRef: random-picker}]}]")
                  .fails_with("already have a registered picker plugin"));
  const Outcome fallback = run("plugins: [{type: random-picker}]\nschedulingProfiles: [{name: p}]");
  ASSERT_TRUE(fallback.ok()) << fallback.rendered();
  EXPECT_EQ(fallback.name(fallback.config->profiles[0].picker), "random-picker");
  EXPECT_EQ(fallback.config->find("max-score-picker"), nullptr);
}

TEST(ConfigCheck, C21_ProfileRefersToOtherPlugin) {
  const Outcome outcome =
      run("plugins: [{type: openai-parser}]\n"
          "schedulingProfiles: [{name: p, plugins: [{pluginRef: openai-parser}]}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_THAT(outcome.config->profiles[0].filters, IsEmpty());
  EXPECT_THAT(outcome.config->profiles[0].scorers, IsEmpty());
  EXPECT_TRUE(outcome.warns_of("the reference has no effect"));
}

TEST(ConfigCheck, C22_ParserReferences) {
  const Outcome by_type = run("requestHandler: {parsers: [{pluginRef: vllmgrpc-parser}]}");
  ASSERT_TRUE(by_type.ok()) << by_type.rendered();
  EXPECT_THAT(by_type.names(by_type.config->parsers), ElementsAre("vllmgrpc-parser"));
  EXPECT_EQ(by_type.config->find("openai-parser"), nullptr);
  EXPECT_TRUE(run("plugins: [{type: max-score-picker}]\nrequestHandler: {parsers: [{pluginRef: max-score-picker}]}")
                  .fails_with("the plugin \"max-score-picker\" is not a parser plugin"));
  EXPECT_TRUE(
      run("requestHandler: {parsers: [{pluginRef: ghost}]}").fails_with("plugin type 'ghost' not found in registry"));
}

TEST(ConfigCheck, C23_ParserListWinsOverDeprecatedField) {
  const Outcome both =
      run("parser: {pluginRef: openai-parser}\n"
          "requestHandler: {parsers: [{pluginRef: vllmgrpc-parser}]}");
  ASSERT_TRUE(both.ok()) << both.rendered();
  EXPECT_THAT(both.names(both.config->parsers), ElementsAre("vllmgrpc-parser"));
  EXPECT_TRUE(both.deprecates("parser"));
  const Outcome alone = run("parser: {pluginRef: anthropic-parser}");
  ASSERT_TRUE(alone.ok());
  EXPECT_THAT(alone.names(alone.config->parsers), ElementsAre("anthropic-parser"));
}

TEST(ConfigCheck, C24_UndefinedSaturationDetector) {
  EXPECT_TRUE(run("saturationDetector: {pluginRef: concurrency-detector}")
                  .fails_with("failed to load the configuration - configuration validation failed: saturation detector "
                              "validation failed: saturation detector references undefined plugin "
                              "'concurrency-detector'"));
  EXPECT_TRUE(run("plugins: [{type: queue-scorer}]\nflowControl: {saturationDetector: {pluginRef: queue-scorer}}")
                  .fails_with("plugin 'queue-scorer' is not a fwkfc.SaturationDetector"));
}

TEST(ConfigCheck, C25_HandlerBeforeItsDecider) {
  const Outcome outcome =
      run("plugins:\n"
          "- type: disagg-profile-handler\n"
          "  parameters: {deciders: {prefill: my-decider}}\n"
          "- {type: prefix-based-pd-decider, name: my-decider}\n");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_THAT(outcome.config->instances[0].references, ElementsAre(1U));
  EXPECT_EQ(outcome.config->build_order[0], 1U);
  EXPECT_EQ(outcome.config->build_order[1], 0U);
  EXPECT_TRUE(run("plugins:\n- type: disagg-profile-handler\n  parameters: {deciders: {prefill: ghost}}")
                  .fails_with("failed to load the configuration - plugin instantiation failed: failed to build plugin "
                              "dependency graph: a plugin has a dependency on the unregistered plugin ghost"));
}

TEST(ConfigCheck, C29_ExperimentalPlugins) {
  const std::string text = "plugins: [{type: session-affinity-filter}]";
  EXPECT_TRUE(run(text).fails_with(
      "plugin 'session-affinity-filter' (type: 'session-affinity-filter') has Alpha stability level, but command line "
      "flag --allow-experimental-plugins is not set"));
  const FakeCatalogue catalogue;
  EXPECT_TRUE(run(text, {catalogue, true}).ok());
}

TEST(ConfigCheck, C30_Discovery) {
  EXPECT_TRUE(run("dataLayer: {discovery: {pluginRef: x}}").fails_with("discovery: no plugin found with name \"x\""));
  EXPECT_TRUE(run("plugins: [{type: queue-scorer}]\ndataLayer: {discovery: {pluginRef: queue-scorer}}")
                  .fails_with("discovery: plugin \"queue-scorer\" does not implement EndpointDiscovery"));
  const Outcome outcome =
      run("plugins: [{type: file-discovery, name: x, parameters: {path: /e}}]\n"
          "dataLayer: {discovery: {pluginRef: x}}");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_EQ(outcome.config->discovery, InstanceIndex{0});
}

TEST(ConfigCheck, C32_SourceOfAnotherKind) {
  EXPECT_TRUE(run("plugins: [{type: queue-scorer}]\n"
                  "dataLayer: {sources: [{pluginRef: queue-scorer, extractors: []}]}")
                  .fails_with("failed to load the configuration - data layer config build failed: the plugin "
                              "queue-scorer is not a fwkdl.DataSource"));
}

TEST(ConfigCheck, C34_Weights) {
  const auto with_weight = [](const std::string& weight) {
    return run(
        "plugins: [{type: queue-scorer}]\n"
        "schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer, weight: " +
        weight + "}]}]");
  };
  EXPECT_TRUE(with_weight("\"2\"").fails_with(
      "json: cannot unmarshal string into Go struct field SchedulingPlugin.schedulingProfiles.plugins.weight of type "
      "float64"));
  const Outcome negative = with_weight("-1");
  ASSERT_TRUE(negative.ok()) << negative.rendered();
  EXPECT_EQ(negative.config->profiles[0].scorers[0].weight, -1);
  EXPECT_TRUE(negative.warns_of("negative"));
  EXPECT_EQ(with_weight("0.5").config->profiles[0].scorers[0].weight, 0.5);
  EXPECT_EQ(with_weight("0").config->profiles[0].scorers[0].weight, 0);
}

TEST(ConfigCheck, C35_FileAndText) {
  const auto line = parse_command_line({"--pool-name=p", "--config-file=/does/not/exist", "--config-text=plugins: []"},
                                       [](std::string_view) { return std::nullopt; });
  EXPECT_THAT(line.errors,
              ElementsAre("both the \"config-file\" and \"config-text\" flags cannot be set at the same time"));
  EXPECT_EQ(line.exit_code, 1);
}

}  // namespace
}  // namespace epp::config::testing
