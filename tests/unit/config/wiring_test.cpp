// Defaulting, references and validation beyond the numbered checks: always in file order, every error reported.
#include "config/wiring.h"

#include "unit/config/fake_catalogue.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ConfigWeakSpot, W01_FileOrderEverywhere) {
  const Outcome outcome = run(
      "plugins: [{type: random-picker}, {type: prefill-filter}, {type: queue-scorer}, {type: context-length-aware},\n"
      "          {type: decode-filter}, {type: kv-cache-utilization-scorer}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const auto& profile = outcome.config->profiles[0];
  EXPECT_THAT(outcome.names(profile.filters), ElementsAre("prefill-filter", "context-length-aware", "decode-filter"));
  std::vector<std::string> scorers;
  for (const auto& scorer : profile.scorers)
    scorers.push_back(outcome.name(scorer.instance));
  EXPECT_THAT(scorers, ElementsAre("queue-scorer", "context-length-aware", "kv-cache-utilization-scorer"));
  EXPECT_THAT(outcome.config->build_order,
              ::testing::WhenSorted(::testing::ElementsAreArray(outcome.config->build_order)))
      << "unrelated instances are built in file order";

  const Outcome pickers =
      run("plugins: [{type: weighted-random-picker}, {type: random-picker}]\n"
          "schedulingProfiles: [{name: p}]");
  ASSERT_TRUE(pickers.ok()) << pickers.rendered();
  EXPECT_EQ(pickers.name(pickers.config->profiles[0].picker), "weighted-random-picker") << "the first one listed";
}

TEST(ConfigWeakSpot, W06_WhatHasNoEffectIsSaid) {
  const Outcome outcome =
      run("dataLayer: {peerDiscovery: {pluginRef: x}}\n"
          "flowControl: {enableEviction: true}");
  EXPECT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_TRUE(outcome.warns_of("peerDiscovery is accepted and has no effect"));
  EXPECT_TRUE(outcome.warns_of("enableEviction has no effect"));
}

TEST(ConfigWeakSpot, W08_OddWeightsAreSaid) {
  const Outcome outcome =
      run("plugins: [{type: queue-scorer}, {type: decode-filter}]\n"
          "schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer, weight: -1},\n"
          "                                         {pluginRef: decode-filter, weight: 2}]}]");
  EXPECT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_TRUE(outcome.warns_of("the weight of 'queue-scorer/queue-scorer' is negative"));
  EXPECT_TRUE(outcome.warns_of("'decode-filter/decode-filter' is no scorer, its weight has no effect"));
}

TEST(ConfigWeakSpot, W12_EveryIndependentErrorIsReported) {
  const Outcome decoding = decode_only("pluginz: []\nfeatureGates: [x]\nplugins: [{typ: a}, {type: 5}]");
  EXPECT_EQ(decoding.count(Severity::kError, ""), 4U) << decoding.rendered();
  const Outcome wiring =
      run("plugins: [{type: nope}, {type: queue-scorer}, {type: queue-scorer}, {name: a},\n"
          "          {type: load-aware-scorer, parameters: {threshold: many}}]\n"
          "schedulingProfiles: [{name: p, plugins: [{pluginRef: ghost}]}]\n"
          "saturationDetector: {pluginRef: spectre}");
  EXPECT_EQ(wiring.count(Severity::kError, ""), 6U) << wiring.rendered();
}

TEST(Wiring, ProfileErrors) {
  constexpr const char* kPrefix =
      "failed to load the configuration - configuration validation failed: scheduling profile validation failed: ";
  struct Case {
    const char* profiles;
    const char* error;
  };
  const Case cases[] = {
      {"[{plugins: []}]", "schedulingProfiles[0] is missing a name"},
      {"[{name: p}, {name: p}]", "schedulingProfiles[1] has duplicate name 'p'"},
      {"[{name: p, plugins: [{weight: 1}]}]", "schedulingProfiles[p].plugins[0] is missing a 'pluginRef'"},
      {"[{name: p, plugins: [{pluginRef: ghost}]}]", "schedulingProfiles[p] references undefined plugin 'ghost'"}};
  for (const auto& c : cases) {
    const Outcome outcome = run(std::string("schedulingProfiles: ") + c.profiles);
    EXPECT_TRUE(outcome.fails_with(std::string(kPrefix) + c.error)) << c.profiles << "\n" << outcome.rendered();
  }
}

TEST(Wiring, ErrorsSayWhereAndWhatIsNear) {
  const Outcome outcome =
      run("plugins:\n"
          "- type: queue-scorer\n"
          "schedulingProfiles:\n"
          "- name: p\n"
          "  plugins:\n"
          "  - pluginRef: queue-scorr\n");
  EXPECT_THAT(outcome.rendered(),
              HasSubstr("(epp.yaml:6:16 at /schedulingProfiles/0/plugins/0/pluginRef; expected the name of a plugin; "
                        "did you mean \"queue-scorer\"?)"));
}

TEST(Wiring, InjectedPluginsMayBeReferredTo) {
  const Outcome outcome = run("schedulingProfiles: [{name: p, plugins: [{pluginRef: max-score-picker}]}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_EQ(outcome.name(outcome.config->profiles[0].picker), "max-score-picker");
}

TEST(Wiring, AScorerTwiceCountsTwice) {
  const Outcome outcome = run(
      "plugins: [{type: queue-scorer}]\n"
      "schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: queue-scorer}]}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const auto& scorers = outcome.config->profiles[0].scorers;
  ASSERT_EQ(scorers.size(), 2U);
  EXPECT_EQ(scorers[0].weight, 2);
  EXPECT_EQ(scorers[1].weight, 1);
}

TEST(Wiring, AConfiguredDetectorFiltersInTheGeneratedProfile) {
  const Outcome outcome =
      run("plugins: [{type: concurrency-detector}]\n"
          "flowControl: {saturationDetector: {pluginRef: concurrency-detector}}");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_THAT(outcome.names(outcome.config->profiles[0].filters), ElementsAre("concurrency-detector"));
  EXPECT_EQ(outcome.name(outcome.config->saturation_detector), "concurrency-detector");
  EXPECT_EQ(outcome.config->find("utilization-detector"), nullptr);
}

TEST(Wiring, ANewDetectorFieldWinsOverTheDeprecatedOne) {
  const std::string plugins = "plugins: [{type: concurrency-detector}, {type: utilization-detector}]\n";
  const std::string old_field = "saturationDetector: {pluginRef: concurrency-detector}\n";
  const Outcome both =
      run(plugins + old_field + "flowControl: {saturationDetector: {pluginRef: utilization-detector}}");
  ASSERT_TRUE(both.ok()) << both.rendered();
  EXPECT_EQ(both.name(both.config->saturation_detector), "utilization-detector");
  EXPECT_TRUE(both.deprecates("saturationDetector"));
  const Outcome alone = run(plugins + old_field);
  ASSERT_TRUE(alone.ok()) << alone.rendered();
  EXPECT_EQ(alone.name(alone.config->saturation_detector), "concurrency-detector");
}

TEST(Wiring, DefaultDataLayerIsAddedToWhatIsListed) {
  const Outcome off = run("dataLayer: {injectDefaults: false}");
  ASSERT_TRUE(off.ok()) << off.rendered();
  EXPECT_THAT(off.config->sources, IsEmpty());
  EXPECT_EQ(off.config->find("metrics-data-source"), nullptr);

  const Outcome listed =
      run("plugins: [{type: metrics-data-source}, {type: models-data-extractor}]\n"
          "dataLayer: {sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: models-data-extractor}]}]}");
  ASSERT_TRUE(listed.ok()) << listed.rendered();
  ASSERT_EQ(listed.config->sources.size(), 1U);
  EXPECT_THAT(listed.names(listed.config->sources[0].extractors), ElementsAre("models-data-extractor"));

  const Outcome renamed =
      run("plugins: [{type: metrics-data-source, name: mine}]\n"
          "dataLayer: {sources: [{pluginRef: mine}]}");
  ASSERT_TRUE(renamed.ok()) << renamed.rendered();
  ASSERT_EQ(renamed.config->sources.size(), 2U);
  EXPECT_EQ(renamed.name(renamed.config->sources[0].source), "mine");
  EXPECT_EQ(renamed.name(renamed.config->sources[1].source), "metrics-data-source");
}

TEST(Wiring, DataLayerErrors) {
  constexpr const char* kPrefix = "failed to load the configuration - data layer config build failed: ";
  const std::string plugins =
      "plugins: [{type: metrics-data-source}, {type: core-metrics-extractor}, {type: queue-scorer},\n"
      "          {type: core-metrics-extractor, name: again}]\n";
  struct Case {
    const char* layer;
    const char* error;
  };
  const Case cases[] = {
      {"sources: [{pluginRef: ghost}]", "the plugin ghost is not a fwkdl.DataSource"},
      {"sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: ghost}]}]",
       "the plugin ghost is not registered"},
      {"sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: queue-scorer}]}]",
       "extractor type mismatch: queue-scorer/queue-scorer"},
      {"sources: [{pluginRef: metrics-data-source}, {pluginRef: metrics-data-source}]",
       "duplicate polling source name \"metrics-data-source\""},
      {"sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: core-metrics-extractor}, "
       "{pluginRef: again}]}]",
       "duplicate extractor type configured for the same source: core-metrics-extractor"},
      {"crossReplicaSyncerPluginRef: queue-scorer", "the plugin queue-scorer is not a fwkdl.CrossReplicaSyncer"}};
  for (const auto& c : cases) {
    const Outcome outcome = run(plugins + "dataLayer: {" + c.layer + "}");
    EXPECT_TRUE(outcome.fails_with(std::string(kPrefix) + c.error)) << c.layer << "\n" << outcome.rendered();
  }
  EXPECT_TRUE(run("dataLayer: {sources: [{pluginRef: metrics-data-source, extractors: [core-metrics-extractor]}]}")
                  .fails_with("json: cannot unmarshal string into Go struct field"));
}

TEST(Wiring, ReferencesThatGoInCircles) {
  constexpr const char* kCycle = "failed to build plugin dependency graph: cycle detected: graph is not a DAG";
  EXPECT_TRUE(run("plugins:\n"
                  "- {type: disagg-profile-handler, parameters: {deciders: {prefill: disagg-profile-handler}}}\n")
                  .fails_with(kCycle));
  const Outcome two =
      run("plugins:\n"
          "- {type: disagg-profile-handler, name: a, parameters: {deciders: {prefill: b}}}\n"
          "- {type: disagg-profile-handler, name: b, parameters: {deciders: {encode: a}}}\n");
  EXPECT_TRUE(two.fails_with(kCycle));
  EXPECT_THAT(two.rendered(), HasSubstr("a refers to b refers to a"));
}

TEST(Wiring, AReferenceThatIsLeftOutHasItsDefault) {
  EXPECT_TRUE(run("plugins: [{type: pd-profile-handler}]")
                  .fails_with("a plugin has a dependency on the unregistered plugin prefix-based-pd-decider"));
  const Outcome outcome = run("plugins: [{type: pd-profile-handler}, {type: prefix-based-pd-decider}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_THAT(outcome.config->instances[0].references, ElementsAre(1U));
  EXPECT_TRUE(
      outcome.deprecates("plugin is deprecated: 'pd-profile-handler' (type: pd-profile-handler), since 0.7.0, "
                         "removal planned in 0.9.0, use disagg-profile-handler"));
}

TEST(Wiring, ATypeThatSeveralLibrariesOffer) {
  FakeCatalogue catalogue;
  catalogue.add("queue-scorer", {Role::kScorer}).library = "other/queue-scorer.so";
  EXPECT_TRUE(run("plugins: [{type: queue-scorer}]", {catalogue})
                  .fails_with("plugin type 'queue-scorer' is offered by several libraries"));
  const Outcome chosen = run("plugins: [{type: queue-scorer, library: other/queue-scorer.so}]", {catalogue});
  ASSERT_TRUE(chosen.ok()) << chosen.rendered();
  EXPECT_EQ(chosen.config->instances[0].library, "other/queue-scorer.so");
  EXPECT_TRUE(run("plugins: [{type: decode-filter, library: nowhere.so}]", {catalogue})
                  .fails_with("plugin type 'decode-filter' is not offered by library 'nowhere.so'"));
}

TEST(Wiring, ADefaultThatSeveralLibrariesOffer) {
  FakeCatalogue catalogue;
  catalogue.add("max-score-picker", {Role::kPicker}).library = "other/max-score-picker.so";
  const Outcome outcome = run("", {catalogue});
  EXPECT_TRUE(outcome.fails_with("plugin type 'max-score-picker' is offered by several libraries"));
  EXPECT_THAT(outcome.rendered(), HasSubstr("says its `library`, one of "));
  EXPECT_TRUE(run("plugins: [{type: max-score-picker, library: other/max-score-picker.so}]", {catalogue}).ok());
}

TEST(Wiring, ADefaultThatNoLibraryOffers) {
  FakeCatalogue catalogue;
  catalogue.remove("max-score-picker");
  const Outcome outcome = run("", {catalogue});
  EXPECT_EQ(outcome.count(Severity::kError, ""), 1U) << outcome.rendered();
  EXPECT_TRUE(
      outcome.fails_with("failed to apply scheduling defaults: plugin type 'max-score-picker' is not registered"));
  // The name is taken by a plugin that cannot stand in.
  EXPECT_TRUE(run("plugins: [{type: queue-scorer, name: single-profile-handler}]")
                  .fails_with("plugin 'single-profile-handler' cannot be added"));
}

TEST(Wiring, OurOwnFieldsAreKept) {
  const std::string digest(64, 'a');
  const Outcome outcome =
      run("pluginDirectories: [/a, /b]\n"
          "plugins: [{type: decode-filter, onFault: ignore, callBudget: 5ms, library: lib/decode-filter.so, sha256: " +
          digest + "}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_THAT(outcome.loaded.config.plugin_directories, ElementsAre("/a", "/b"));
  EXPECT_EQ(outcome.config->instances[0].on_fault, OnFault::kIgnore);
  EXPECT_EQ(outcome.config->instances[0].sha256, digest);
  EXPECT_EQ(outcome.config->instances[0].call_budget, std::chrono::milliseconds(5));
  EXPECT_TRUE(run("plugins: [{type: decode-filter, callBudget: -1s}]").fails_with("callBudget must not be negative"));
  EXPECT_TRUE(run("plugins: [{type: decode-filter, callBudget: soon}]").fails_with("invalid duration"));
  EXPECT_TRUE(run("plugins: [{type: decode-filter, onFault: explode}]").fails_with("invalid onFault 'explode'"));
  EXPECT_TRUE(run("plugins: [{type: decode-filter, sha256: abc}]").fails_with("invalid sha256 'abc'"));
  EXPECT_TRUE(
      run("plugins: [{type: decode-filter, sha256: " + digest + "}]").fails_with("sha256 is given without library"));
}

TEST(DefaultProducers, AreAppended) {
  const FakeCatalogue catalogue;
  Outcome outcome = run("plugins: [{type: prefix-cache-scorer}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const std::size_t before = outcome.config->instances.size();
  const auto index = add_default_producer(*outcome.config, catalogue, "token-producer", outcome.diagnostics);
  ASSERT_EQ(index, before);
  EXPECT_EQ(outcome.name(*index), "token-producer");
  EXPECT_EQ(outcome.config->instances[*index].origin, Origin::kAutoProducer);
  EXPECT_EQ(outcome.config->build_order.back(), *index);

  EXPECT_FALSE(add_default_producer(*outcome.config, catalogue, "token-producer", outcome.diagnostics));
  EXPECT_TRUE(outcome.fails_with("plugin type 'token-producer' cannot be added: its name is taken"));
  EXPECT_FALSE(add_default_producer(*outcome.config, catalogue, "session-id-producer", outcome.diagnostics));
  EXPECT_TRUE(outcome.fails_with("missing required parameter \"headerName\""));
  EXPECT_FALSE(add_default_producer(*outcome.config, catalogue, "ghost", outcome.diagnostics));
  EXPECT_TRUE(outcome.fails_with("plugin type 'ghost' is not registered"));
  EXPECT_EQ(outcome.config->instances.size(), before + 1);
}

TEST(EffectiveConfigText, HidesParametersUnlessAskedFor) {
  const Outcome outcome = run("plugins: [{type: load-aware-scorer, parameters: {threshold: 77}}]");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const std::string hidden = to_json(*outcome.config, false);
  EXPECT_THAT(hidden, HasSubstr("\"picker\": \"max-score-picker\""));
  EXPECT_THAT(hidden, ::testing::Not(HasSubstr("77")));
  EXPECT_THAT(to_json(*outcome.config, true), HasSubstr("\"threshold\": 77"));
}

}  // namespace
}  // namespace epp::config::testing
