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

TEST(FlowControlCheck, C30_RefusedConfigurations) {
  const auto refused = [](const std::string& section, const std::string& text) {
    EXPECT_TRUE(run(kGate + "flowControl: {" + section + "}").fails_with(text)) << section;
  };
  refused("maxBytes: \"-1\"", "failed to load flow control config: global MaxBytes must be non-negative, got -1");
  refused("priorityBands: [{priority: 7}, {priority: 7}]", "duplicate priority level 7");
  refused("defaultRequestTTL: \"-1s\"", "DefaultRequestTTL cannot be negative, but got -1s");
  refused("maxByte: 1", "strict decoding error: unknown field \"flowControl.maxByte\"");
  refused("epp: {nothing: 1}", "strict decoding error: unknown field \"flowControl.epp.nothing\"");
  refused("priorityBands: [{orderingPolicyRef: ghost}]", "plugin \"ghost\" not found");
  refused("priorityBands: [{orderingPolicyRef: round-robin-fairness-policy}]",
          "plugin \"round-robin-fairness-policy\" not found");
  EXPECT_TRUE(run(kGate + "plugins: [{type: round-robin-fairness-policy}]\n"
                          "flowControl: {priorityBands: [{orderingPolicyRef: round-robin-fairness-policy}]}")
                  .fails_with("does not implement OrderingPolicy (actual type: round-robin-fairness-policy)"));
  EXPECT_TRUE(run("featureGates: [flowControls]").fails_with("feature gate 'flowControls' is unknown or unregistered"));
}

TEST(FlowControlCheck, C33_IgnoredSettingsAreWarnedOf) {
  EXPECT_TRUE(run("flowControl: {maxRequests: 5}").warns_of("'flowControl' is not enabled"));
  EXPECT_FALSE(run("plugins: [{type: utilization-detector}]\n"
                   "flowControl: {saturationDetector: {pluginRef: utilization-detector}}")
                   .warns_of("flowControl"));
  EXPECT_TRUE(run("flowControl: {epp: {hysteresis: 0.1}}").warns_of("'flowControl' is not enabled"));
  EXPECT_FALSE(run("flowControl: {epp: {typedAdmitterDenials: true}}").warns_of("flowControl")) << "not gated";
}

TEST(FlowControlWeakSpot, W23_EvictionWithoutTheGateIsWarnedOf) {
  EXPECT_TRUE(run("flowControl: {enableEviction: true}").warns_of("enableEviction has no effect"));
}

TEST(FlowControlWiring, EvictionBringsItsAlphaPoliciesAlong) {
  const Outcome outcome = run(kGate + "flowControl: {enableEviction: true}");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const auto& flow = outcome.config->flow_control;
  EXPECT_EQ(outcome.name(flow.eviction_filter), "sheddable-eviction-filter");
  EXPECT_EQ(outcome.name(flow.eviction_ordering), "priority-then-time-eviction-order-policy");
  EXPECT_FALSE(run(kGate).config->index_of("sheddable-eviction-filter"));
  EXPECT_TRUE(run(kGate + "plugins: [{type: sheddable-eviction-filter, name: mine}]\n"
                          "flowControl: {enableEviction: true, epp: {evictionFilterPluginRef: mine}}")
                  .fails_with("plugin 'mine' (type: 'sheddable-eviction-filter') has Alpha stability level"));
  EXPECT_TRUE(run(kGate + "flowControl: {enableEviction: true, epp: {evictionFilterPluginRef: fcfs-ordering-policy}}")
                  .fails_with("does not implement EvictionFilterPolicy"));
}

TEST(FlowControlWiring, Extensions) {
  const Outcome outcome = run(kGate +
                              "flowControl: {epp: {displaceLowerBands: true, reservedForHighBands: 0.2, holdStale: 2s, "
                              "hysteresis: 0.05, maxFlowsPerBand: 100, retryAfter: true}}");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  const FlowControlExtensions& epp = outcome.config->flow_control.epp;
  EXPECT_TRUE(epp.displace_lower_bands);
  EXPECT_EQ(epp.reserved_for_high_bands, 0.2);
  EXPECT_EQ(epp.hold_stale, 2s);
  EXPECT_EQ(epp.hysteresis, 0.05);
  EXPECT_EQ(epp.max_flows_per_band, 100);
  EXPECT_TRUE(epp.retry_after);
  EXPECT_FALSE(epp.queue_position);
  for (const char* bad : {"reservedForHighBands: 1", "hysteresis: -0.1", "holdStale: -1s", "maxFlowsPerBand: -1"}) {
    EXPECT_FALSE(run(kGate + "flowControl: {epp: {" + bad + "}}").ok()) << bad;
  }
}

TEST(FlowControlWiring, PrioritiesBeyond32BitsHaveNoBand) {
  const Outcome outcome = run(kGate + "flowControl: {priorityBands: [{priority: 3000000000}]}");
  ASSERT_TRUE(outcome.ok()) << outcome.rendered();
  EXPECT_TRUE(outcome.warns_of("priority band 3000000000 has no effect"));
  EXPECT_EQ(outcome.config->flow_control.bands.size(), 1u);
}

}  // namespace
}  // namespace epp::config::testing
