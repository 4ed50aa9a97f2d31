// From an effective configuration to a PluginSet.
#include "plugins/graveyard.h"
#include "plugins/pipeline.h"
#include "unit/plugin_harness/scripted.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::plugins {

using epp::testing::PluginHarness;
using epp::testing::script;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PluginSetTest : public ::testing::Test {
 protected:
  PluginSetTest() {
    load_scripted(host);
    std::string error;
    catalogue.add(Library::from_entry(epp::testing::scripted_entry(), "scripted", error));
  }
  void add(const std::string& name, const std::string& type, std::vector<config::InstanceIndex> references = {}) {
    config::Instance instance;
    instance.name = name;
    instance.type = type;
    instance.library = "scripted";
    instance.references = std::move(references);
    effective.build_order.push_back(effective.instances.size());
    effective.instances.push_back(std::move(instance));
  }
  void produces(const std::string& name, const std::string& key) {
    auto before = script(name).construct;
    script(name).construct = [before, key](sdk::Context& context) {
      if (before) before(context);
      context.produce_f64(key);
    };
  }
  void requires_key(const std::string& name, const std::string& key) {
    auto before = script(name).construct;
    script(name).construct = [before, key](sdk::Context& context) {
      if (before) before(context);
      context.require_f64(key);
    };
  }
  std::shared_ptr<const PluginSet> build(const PluginSet* previous = nullptr) {
    return build_plugin_set({catalogue, host.environment(), effective, {}, previous, false}, diagnostics);
  }
  std::string first_error() const { return diagnostics.all().empty() ? "" : diagnostics.all().front().text; }

  PluginHarness host;
  Catalogue catalogue;
  config::EffectiveConfig effective;
  config::Diagnostics diagnostics;
};

std::vector<std::string> names(const std::vector<InstancePtr>& instances) {
  std::vector<std::string> result;
  for (const InstancePtr& instance : instances)
    result.push_back(instance->name());
  return result;
}

TEST_F(PluginSetTest, ListsAreInManifestOrderEvenWhenBuiltOtherwise) {
  add("z", "scripted-hook");
  add("a", "scripted-hook");
  add("m", "scripted-filter");
  effective.build_order = {2, 1, 0};
  const auto set = build();
  ASSERT_NE(set, nullptr) << first_error();
  EXPECT_THAT(names(set->instances), ElementsAre("z", "a", "m"));
  EXPECT_THAT(names(set->pre_requests), ElementsAre("z", "a"));
  EXPECT_EQ(set->at(2)->name(), "m");
  EXPECT_EQ(set->find("a"), set->at(1));
}

TEST_F(PluginSetTest, ProducersRunAfterWhatTheyRequire) {
  add("last", "scripted-producer");
  add("alone", "scripted-producer");
  add("first", "scripted-producer");
  requires_key("last", "A/first");
  produces("first", "A/first");
  produces("alone", "B/alone");
  const auto set = build();
  ASSERT_NE(set, nullptr) << first_error();
  std::vector<std::string> order;
  for (const ProducerStep& step : set->producers)
    order.push_back(step.instance->name());
  const auto at = [&](const std::string& name) {
    return static_cast<uint32_t>(std::find(order.begin(), order.end(), name) - order.begin());
  };
  ASSERT_EQ(order.size(), 3u);
  EXPECT_LT(at("first"), at("last"));
  EXPECT_THAT(set->producers[at("last")].needs, ElementsAre(at("first")));
  EXPECT_THAT(set->producers[at("alone")].needs, IsEmpty());
  EXPECT_EQ(set->producers[0].time_limit_ns, kDefaultProducerLimitNs);
}

TEST_F(PluginSetTest, ADefaultProducerIsAddedForARequiredKey) {
  add("s", "scripted-scorer");
  requires_key("s", "Scripted/scripted-producer");
  produces("scripted-producer", "Scripted/scripted-producer");
  const auto set = build();
  ASSERT_NE(set, nullptr) << first_error();
  EXPECT_THAT(names(set->instances), ElementsAre("s", "scripted-producer"));
  EXPECT_EQ(effective.instances.size(), 2u);
  ASSERT_EQ(set->producers.size(), 1u);
}

TEST_F(PluginSetTest, AKeyThatNobodyProducesRefusesTheConfiguration) {
  add("s", "scripted-scorer");
  requires_key("s", "Nowhere/x");
  EXPECT_EQ(build(), nullptr);
  EXPECT_EQ(first_error(),
            "failed to create missing data producers - no default producer found for missing data key Nowhere/x, "
            "consumed by s");
}

TEST_F(PluginSetTest, EveryRefusedInstanceIsReportedAndNothingStays) {
  int alive = 0;
  for (const char* bad : {"bad1", "bad2"}) {
    add(bad, "scripted-hook");
    script(bad).construct = [](sdk::Context&) { throw sdk::Error("no"); };
  }
  add("good", "scripted-hook");
  script("good").construct = [&alive](sdk::Context&) { ++alive; };
  script("good").destroyed = [&alive] { --alive; };
  EXPECT_EQ(build(), nullptr);
  EXPECT_EQ(diagnostics.error_count(), 2u);
  EXPECT_THAT(first_error(), HasSubstr("failed to create plugin 'bad1' (type: scripted-hook): no"));
  host.environment().graveyard->collect();
  EXPECT_EQ(alive, 0);
}

TEST_F(PluginSetTest, LinkedLibrariesAreBuiltAnew) {
  add("h", "scripted-hook");
  const auto before = build();
  const auto after = build(before.get());
  ASSERT_NE(after, nullptr);
  EXPECT_NE(before->at(0), after->at(0));
}

TEST_F(PluginSetTest, StateOfInstancesWithoutADump) {
  add("h", "scripted-hook");
  EXPECT_EQ(build()->state_json(),
            R"({"h":{"name":"h","type":"scripted-hook","message":"plugin does not support state collection",)"
            R"("library":"scripted","suspended":false,"bypassed":false,"passedOver":0,"faults":{}}})");
  EXPECT_THAT(build()->not_ready(), IsEmpty());
}

}  // namespace epp::plugins
