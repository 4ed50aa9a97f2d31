// A reload keeps the instances of unchanged entries, although it loads every library anew.
#include "plugins/pipeline.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace epp::plugins {

class CarryOver : public ::testing::Test {
 protected:
  using Change = std::function<void(config::EffectiveConfig&)>;

  // Two entries: "user" refers to "base".
  std::shared_ptr<const PluginSet> build(const PluginSet* previous, const Change& change = {}) {
    const std::string path = std::string(EPP_ABI_LIBRARIES) + "/abi-c_scorer.so";
    std::string error;
    Catalogue catalogue;
    catalogue.add(Library::load(path, {}, error));
    config::EffectiveConfig effective;
    for (const char* name : {"base", "user", "other"}) {
      config::Instance instance;
      instance.name = name;
      instance.type = "c-scorer";
      instance.library = path;
      instance.parameters = R"({"capacity":4})";
      effective.build_order.push_back(effective.instances.size());
      effective.instances.push_back(std::move(instance));
    }
    effective.instances[1].references = {0};
    if (change) change(effective);
    config::Diagnostics diagnostics;
    auto set = build_plugin_set({catalogue, host.environment(), effective, {}, previous, false}, diagnostics);
    EXPECT_NE(set, nullptr) << (diagnostics.all().empty() ? "" : diagnostics.all().front().text);
    return set;
  }

  testing::PluginHarness host;
};

TEST_F(CarryOver, UnchangedInstancesAreKept) {
  const auto before = build(nullptr);
  const auto after = build(before.get());
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(before->at(i), after->at(i)) << i;
}

TEST_F(CarryOver, AChangedParameterRebuildsTheInstanceAndWhatRefersToIt) {
  const auto before = build(nullptr);
  const auto after =
      build(before.get(), [](auto& effective) { effective.instances[0].parameters = R"({"capacity":5})"; });
  EXPECT_NE(before->at(0), after->at(0));
  EXPECT_NE(before->at(1), after->at(1));
  EXPECT_EQ(before->at(2), after->at(2));
}

TEST_F(CarryOver, AnotherFaultPolicyRebuilds) {
  const auto before = build(nullptr);
  const auto after =
      build(before.get(), [](auto& effective) { effective.instances[2].on_fault = config::OnFault::kIgnore; });
  EXPECT_NE(before->at(2), after->at(2));
  EXPECT_EQ(after->at(2)->on_fault(), OnFault::kIgnore);
}

TEST_F(CarryOver, ABypassedInstanceGetsANewChance) {
  const auto before = build(nullptr);
  for (uint32_t i = 0; i < kBypassAfterFaults; ++i)
    before->at(2)->refuse_answer(ExtensionPoint::kScorer, Fault::kError, "boom");
  ASSERT_TRUE(before->at(2)->bypassed());
  const auto after = build(before.get());
  EXPECT_NE(before->at(2), after->at(2));
  EXPECT_FALSE(after->at(2)->bypassed());
}

}  // namespace epp::plugins
