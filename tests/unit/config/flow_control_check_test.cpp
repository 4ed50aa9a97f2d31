// Checks of the configuration reference about the flowControl section.
#include "unit/config/fake_catalogue.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace epp::config::testing {
namespace {

using namespace std::chrono_literals;

const std::string kGate = "featureGates: [flowControl]\n";

TEST(ConfigCheck, C13_SectionWithoutGate) {
  EXPECT_TRUE(run("flowControl: {maxBytes: \"1024\"}").warns_of("'flowControl' is not enabled"));
  EXPECT_TRUE(run("flowControl: {priorityBands: []}").warns_of("'flowControl' is not enabled"));
  EXPECT_FALSE(run("flowControl: {saturationDetector: {pluginRef: utilization-detector}}\n"
                   "plugins: [{type: utilization-detector}]")
                   .warns_of("flowControl"));
  EXPECT_FALSE(run(kGate + "flowControl: {maxBytes: \"1024\"}").warns_of("flowControl"));
}

TEST(ConfigCheck, C14_TimesToLive) {
  const auto ttls = [](const std::string& section) {
    const Outcome outcome = run(kGate + "flowControl: {" + section + "}");
    EXPECT_TRUE(outcome.ok()) << section << "\n" << outcome.rendered();
    const auto& flow = outcome.config->flow_control;
    return std::pair(flow.default_request_ttl, flow.no_endpoint_request_ttl);
  };
  EXPECT_EQ(ttls("defaultRequestTTL: 0s"), std::pair(0ns, 0ns));
  EXPECT_EQ(ttls("defaultRequestTTL: 1m, noEndpointRequestTTL: 5m"),
            std::pair(std::chrono::nanoseconds(60s), std::chrono::nanoseconds(300s)));
  EXPECT_EQ(ttls(""), std::pair(std::chrono::nanoseconds(60s), std::chrono::nanoseconds(60s)));
  EXPECT_EQ(ttls("noEndpointRequestTTL: 5m"), std::pair(std::chrono::nanoseconds(60s), std::chrono::nanoseconds(300s)));
  EXPECT_EQ(ttls("defaultRequestTTL: 10s, noEndpointRequestTTL: 0s"), std::pair(std::chrono::nanoseconds(10s), 0ns));
  EXPECT_TRUE(run(kGate + "flowControl: {defaultRequestTTL: 60}")
                  .fails_with("json: cannot unmarshal number into Go struct field "
                              "FlowControlConfig.flowControl.defaultRequestTTL of type string"));
  EXPECT_TRUE(run(kGate + "flowControl: {defaultRequestTTL: -1s}")
                  .fails_with("DefaultRequestTTL cannot be negative, but got -1s"));
  EXPECT_TRUE(run(kGate + "flowControl: {noEndpointRequestTTL: -1s}")
                  .fails_with("NoEndpointRequestTTL cannot be negative, but got -1s"));
}

TEST(ConfigCheck, C15_GlobalLimits) {
  const Outcome outcome = run(kGate + "flowControl: {maxBytes: 1Gi, maxRequests: 1k}");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_EQ(outcome.config->flow_control.max_bytes, 1073741824);
  EXPECT_EQ(outcome.config->flow_control.max_requests, 1000);
  EXPECT_TRUE(run(kGate + "flowControl: {maxBytes: \"-1\"}")
                  .fails_with("failed to load the configuration - failed to load flow control config: global MaxBytes "
                              "must be non-negative, got -1"));
  EXPECT_TRUE(run("flowControl: {maxBytes: \"-1\"}").ok()) << "refused with the gate on only";
}

TEST(ConfigCheck, C16_RepeatedPriority) {
  EXPECT_TRUE(run(kGate + "flowControl: {priorityBands: [{priority: 1}, {priority: 1}]}")
                  .fails_with("duplicate priority level 1"));
}

TEST(ConfigCheck, C17_UndefinedPolicy) {
  const std::string section = "flowControl: {priorityBands: [{priority: 1, orderingPolicyRef: ghost}]}";
  EXPECT_TRUE(run(kGate + section).fails_with("failed to load flow control config: plugin \"ghost\" not found"));
  EXPECT_TRUE(run(section).ok());
  EXPECT_TRUE(run(kGate + "plugins: [{type: queue-scorer}]\n"
                          "flowControl: {usageLimitPolicyPluginRef: queue-scorer}")
                  .fails_with("plugin \"queue-scorer\" does not implement UsageLimitPolicy (actual type: "
                              "queue-scorer)"));
}

TEST(FlowControlWiring, BandsAndTemplates) {
  const Outcome outcome = run(kGate +
                              "plugins: [{type: round-robin-fairness-policy}, {type: edf-ordering-policy, name: edf}]\n"
                              "flowControl:\n"
                              "  defaultPriorityBand: {maxBytes: 5, fairnessPolicyRef: round-robin-fairness-policy}\n"
                              "  priorityBands:\n"
                              "  - {priority: 10, maxRequests: 0, orderingPolicyRef: edf}\n"
                              "  - {priority: -1, maxRequests: 7}\n");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const auto& flow = outcome.config->flow_control;
  ASSERT_EQ(flow.bands.size(), 3U);
  EXPECT_EQ(flow.bands[0].priority, 10);
  EXPECT_EQ(flow.bands[0].max_requests, 5000) << "0 is the default";
  EXPECT_EQ(flow.bands[0].max_bytes, 1'000'000'000);
  EXPECT_EQ(outcome.name(flow.bands[0].ordering_policy), "edf");
  EXPECT_EQ(flow.bands[1].priority, -1);
  EXPECT_EQ(flow.bands[1].max_requests, 7);
  EXPECT_EQ(flow.bands[2].priority, 0) << "band 0 is a copy of the template";
  EXPECT_EQ(flow.bands[2].max_bytes, 5);
  EXPECT_EQ(outcome.name(flow.bands[2].fairness_policy), "round-robin-fairness-policy");
  EXPECT_EQ(flow.default_negative_band.max_bytes, 5) << "falls back to the default template";
  EXPECT_EQ(outcome.name(flow.usage_limit_policy), "static-usage-limit-policy");
}

}  // namespace
}  // namespace epp::config::testing
