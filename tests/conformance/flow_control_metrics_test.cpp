// What the metrics of flow control say.
#include "conformance/queue_lab.h"

#include <set>

#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

std::string flow_of(const Headers& headers, const std::string& plugins = {}) {
  const QueueLab lab({.max_concurrency = 100, .plugins = plugins, .flags = {"--allow-experimental-plugins"}});
  lab.hold({.headers = headers})->finish();
  const auto samples =
      testing::samples_of(lab.epp().metrics(), "llm_d_epp_flow_control_request_queue_duration_seconds_count");
  return samples.size() == 1 ? samples[0].labels.at("fairness_id") : std::to_string(samples.size()) + " series";
}

const std::string kCurrent = "x-llm-d-inference-fairness-id";
const std::string kAlias = "x-gateway-inference-fairness-id";

TEST(FlowControlCheck, C19_WhoseFlowItIs) {
  EXPECT_EQ(flow_of({}), "default-flow");
  EXPECT_EQ(flow_of({{kAlias, "t1"}}), "t1");
  EXPECT_EQ(flow_of({{kAlias, "t1"}, {kCurrent, "t2"}}), "t2");
  EXPECT_EQ(flow_of({{kCurrent, ""}, {kAlias, "t1"}}), "default-flow");
}

TEST(FlowControlCheck, C20_AgentsNameTheirFlow) {
  const std::string agents = "- {type: agent-identity}\n";
  EXPECT_EQ(flow_of({{"session-id", "s1"}}, agents), "s1");
  EXPECT_EQ(flow_of({{"session-id", "s1"}, {kCurrent, "t"}}, agents), "t");
}

TEST(FlowControlCheck, C39_UtilizationOfTheQueue) {
  {
    QueueLab lab({.settings = "  maxRequests: \"4\"\n  priorityBands: [{priority: 0, maxRequests: \"10\"}]\n"});
    const auto held = lab.hold();
    const auto queued = lab.queue();
    EXPECT_EQ(lab.metric("capacity_utilization_requests", {{"priority", "0"}}), 0.1);
    EXPECT_EQ(lab.metric("global_capacity_utilization_requests", {{"inference_pool", "p"}}), 0.25);
  }
  const QueueLab unlimited;
  unlimited.hold();
  EXPECT_EQ(unlimited.metric("capacity_utilization_requests", {{"priority", "0"}}), 0);
  EXPECT_EQ(unlimited.metric("global_capacity_utilization_requests"), std::nullopt);
}

// That series of forgotten flows go away after ten minutes is a unit test of the registry and of the metrics.
TEST(FlowControlCheck, C40_AThousandFlowsHaveAName) {
  const QueueLab lab({.max_concurrency = 100});
  for (int i = 0; i < 1500; ++i)
    ASSERT_EQ(lab.client().complete(at_priority(0, "tenant-" + std::to_string(i))).status, 200);
  std::set<std::string> names;
  double requests = 0;
  for (const testing::Sample& sample :
       testing::samples_of(lab.epp().metrics(), "llm_d_epp_flow_control_request_queue_duration_seconds_count")) {
    names.insert(sample.labels.at("fairness_id"));
    requests += sample.value;
  }
  EXPECT_EQ(names.size(), 1001U);
  EXPECT_TRUE(names.contains("other"));
  EXPECT_EQ(requests, 1500);
}

}  // namespace
}  // namespace epp::conformance
