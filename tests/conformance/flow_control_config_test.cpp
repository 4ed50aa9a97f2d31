// Configurations of flow control that are refused.
#include "conformance/queue_lab.h"

#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

const Flags kAlpha{"--allow-experimental-plugins"};

::testing::AssertionResult refuses(const std::string& config, const std::string& text, Flags flags = {}) {
  flags.push_back(silent_endpoint(1));
  const Refusal refusal = refusal_of(with(config, flags));
  if (refusal.exit_code == 1 && refusal.text.find(text) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "exit status "
                                       << (refusal.exit_code ? std::to_string(*refusal.exit_code) : "none") << "\n"
                                       << refusal.text;
}

std::string settings(const std::string& lines) {
  return queue_config({.settings = lines});
}

std::string plugin(const std::string& line) {
  return queue_config({.plugins = line});
}

TEST(FlowControlCheck, C28_UsageLimitPoliciesCheckTheirParameters) {
  EXPECT_TRUE(refuses(plugin("- {type: priority-holdback-policy}\n"), "minCeiling is required", kAlpha));
  EXPECT_TRUE(refuses(plugin("- {type: priority-holdback-policy, parameters: {maxCeiling: 0.9}}\n"),
                      "minCeiling is required", kAlpha));
  EXPECT_TRUE(refuses(plugin("- {type: soft-reflective-ceiling-policy, parameters: {threshold: 0.5}}\n"),
                      "soft-reflective-ceiling-policy takes no parameters", kAlpha));
  EXPECT_TRUE(refuses(plugin("- {type: priority-holdback-policy, parameters: {minCeiling: 0.4}}\n"),
                      "plugin 'priority-holdback-policy' (type: 'priority-holdback-policy') has Alpha stability level, "
                      "but command line flag --allow-experimental-plugins is not set"));
}

TEST(FlowControlCheck, C30_WrongSettingsEndTheStart) {
  EXPECT_TRUE(refuses(settings("  maxBytes: \"-1\"\n"), "global MaxBytes must be non-negative, got -1"));
  EXPECT_TRUE(refuses(settings("  priorityBands: [{priority: 7}, {priority: 7}]\n"), "duplicate priority level 7"));
  EXPECT_TRUE(refuses(settings("  defaultRequestTTL: \"-1s\"\n"), "DefaultRequestTTL cannot be negative"));
  EXPECT_TRUE(refuses(settings("  maxWaiting: 3\n"), "maxWaiting"));
  const std::string band = "  priorityBands: [{priority: 0, orderingPolicyRef: ";
  EXPECT_TRUE(refuses(settings(band + "absent}]\n"), "plugin \"absent\" not found"));
  EXPECT_TRUE(
      refuses(settings(band + "concurrency-detector}]\n"), "plugin \"concurrency-detector\" does not implement"));
  EXPECT_TRUE(
      refuses("featureGates: [flowControls]\nplugins: []\n", "feature gate 'flowControls' is unknown or unregistered"));
}

}  // namespace
}  // namespace epp::conformance
