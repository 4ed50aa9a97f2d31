// Without the gate: nobody waits, but sheddable requests may be turned away.
#include "conformance/engine.h"
#include "conformance/queue_lab.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kShed = "inference error: ResourceExhausted - system saturated, sheddable request dropped";
constexpr const char* kIgnored = "the flowControl section is ignored";

TEST(FlowControlCheck, C31_ASaturatedPoolShedsNegativePriorities) {
  const QueueLab lab({.priorities = {-1}, .gate = false});
  const auto held = lab.hold();
  EXPECT_TRUE(refused(lab.ask(at_priority(-1))->decision(), 429, "", kShed));
  EXPECT_EQ(lab.ask(at_priority(0))->decision().status, 200);
}

TEST(FlowControlCheck, C32_AnEmptyPoolIsSaturated) {
  const QueueLab lab({.priorities = {-1}, .gate = false, .endpoints = {}});
  EXPECT_TRUE(refused(lab.ask(at_priority(-1))->decision(), 429, "", kShed));
  EXPECT_TRUE(refused(lab.ask(at_priority(0))->decision(), 503, "rejected-no-endpoints",
                      "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the "
                      "request"));
}

TEST(FlowControlCheck, C33_IgnoredSettingsAreSaid) {
  QueueLab ignored({.settings = "  maxRequests: \"3\"\n", .gate = false});
  EXPECT_THAT(ignored.epp().process().output(), HasSubstr(kIgnored));
  QueueLab detector_only({.gate = false});
  EXPECT_THAT(detector_only.epp().process().output(), Not(HasSubstr(kIgnored)));
}

TEST(FlowControlCheck, C37_AProbabilisticDenialIsAnInternalError) {
  const Engine engine(vllm_page(100));
  const QueueLab lab({.plugins = "- {type: probabilistic-admitter}\n"
                                 "- {type: utilization-detector, parameters: {queueDepthThreshold: 999999999, "
                                 "kvCacheUtilThreshold: 1.0}}\n",
                      .priorities = {-1},
                      .detector = "utilization-detector",
                      .gate = false,
                      .endpoints = {{.name = "a", .port = engine.port()}}});
  ASSERT_TRUE(has_queues(lab.epp(), {{"a", 100}}));
  EXPECT_TRUE(refused(lab.ask(at_priority(-1))->decision(), 500, "",
                      "inference error: Internal - request cannot be admitted: inference error: ResourceExhausted - "
                      "probabilistic-admitter: rejected, saturation=20.000 prob=1.00"));
  EXPECT_EQ(lab.ask(at_priority(0))->decision().status, 200);
}

TEST(FlowControlCheck, C38_NoEndpointMeetsTheObjective) {
  Engine engine(vllm_page(0, 3, 0.5));
  const QueueLab lab({.plugins = "- {type: latency-slo-admitter, parameters: "
                                 "{latencyPredictionInfoProducerName: pessimist}}\n"
                                 "- {type: pessimist}\n",
                      .priorities = {-1},
                      .gate = false,
                      .endpoints = {{.name = "a", .port = engine.port()}},
                      .flags = {"--plugin-dir=" EPP_CONFORMANCE_PLUGINS}});
  const auto knows_running = [&](double requests) {
    return testing::wait_until(
        [&] { return endpoint_metric(lab.epp(), "a", "RunningRequestsSize/core-metrics-extractor") == requests; });
  };
  ASSERT_TRUE(knows_running(3));
  Request sheddable = at_priority(-1);
  EXPECT_EQ(lab.client().complete(sheddable).status, 200) << "without an objective";
  sheddable.headers.emplace_back("x-llm-d-slo-ttft-ms", "100");
  EXPECT_TRUE(refused(lab.ask(sheddable)->decision(), 500, "",
                      "inference error: Internal - request cannot be admitted: no valid endpoint available to serve "
                      "the request"));
  Request important = sheddable;
  important.headers.erase(important.headers.begin());
  EXPECT_EQ(lab.client().complete(important).status, 200) << "priority 0";
  engine.serve(vllm_page(0, 0, 0.5));
  ASSERT_TRUE(knows_running(0));
  EXPECT_EQ(lab.client().complete(sheddable).status, 200) << "an idle endpoint";
  engine.serve(vllm_page(0, 3, 0.01));
  ASSERT_TRUE(knows_running(3));
  EXPECT_EQ(lab.client().complete(sheddable).status, 200) << "a cold cache";
}

}  // namespace
}  // namespace epp::conformance
