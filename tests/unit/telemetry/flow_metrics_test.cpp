#include "telemetry/flow_metrics.h"

#include "telemetry/epp_metrics.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

struct FlowMetricsTest : ::testing::Test {
  Registry registry;
  LabelLimiter models{1000};
  FlowMetrics metrics{registry, models, {.pool = "p", .max_fairness_ids = 3}};

  static FlowMetrics::Request request(std::string_view id, std::int32_t priority = 0) {
    return {.fairness_id = id, .priority = priority, .band = priority, .bytes = 10, .model = "m", .target_model = "t"};
  }
  void ask(const FlowMetrics::Request& one) {
    metrics.asked(one);
    metrics.enqueued(one, "NotYetFinalized", 1us);
  }
  void pass(const FlowMetrics::Request& one) {
    ask(one);
    metrics.ended(one, "Dispatched", 20ms);
  }
  std::string page() const { return registry.render().body; }
};

TEST_F(FlowMetricsTest, AQueuedRequestIsShownUntilItEnds) {
  ask(request("a", 7));
  EXPECT_THAT(page(), HasSubstr("llm_d_epp_flow_control_queue_size{fairness_id=\"a\",inference_pool=\"p\",model_name="
                                "\"m\",priority=\"7\",target_model_name=\"t\"} 1"));
  EXPECT_THAT(page(), HasSubstr("inference_extension_flow_control_queue_bytes{fairness_id=\"a\",inference_pool=\"p\","
                                "model_name=\"m\",priority=\"7\",target_model_name=\"t\"} 10"));
  metrics.ended(request("a", 7), "EvictedTTL", 2s);
  EXPECT_THAT(page(), HasSubstr("flow_control_queue_size{fairness_id=\"a\",inference_pool=\"p\",model_name=\"m\","
                                "priority=\"7\",target_model_name=\"t\"} 0"));
  EXPECT_THAT(
      page(),
      HasSubstr("llm_d_epp_flow_control_requests_total{inference_pool=\"p\",outcome=\"EvictedTTL\",priority=\"7\"} 1"));
  EXPECT_THAT(page(),
              HasSubstr("flow_control_request_queue_duration_seconds_sum{fairness_id=\"a\",inference_pool=\"p\",model_"
                        "name=\"m\",outcome=\"EvictedTTL\",priority=\"7\",target_model_name=\"t\"} 2"));
  EXPECT_THAT(page(), HasSubstr("flow_control_request_enqueue_duration_seconds_count{fairness_id=\"a\",outcome="
                                "\"NotYetFinalized\",priority=\"7\"} 1"));
}

TEST_F(FlowMetricsTest, ARequestThatFellBackKeepsThePriorityItAskedFor) {
  FlowMetrics::Request fallen = request("a", 9);
  fallen.band = 0;
  pass(fallen);
  EXPECT_THAT(page(),
              HasSubstr("flow_control_requests_total{inference_pool=\"p\",outcome=\"Dispatched\",priority=\"9\"} 1"));
  EXPECT_THAT(page(), HasSubstr("queue_size{fairness_id=\"a\",inference_pool=\"p\",model_name=\"m\",priority=\"9\""));
  EXPECT_THAT(page(), HasSubstr("queue_duration_seconds_count{fairness_id=\"a\",inference_pool=\"p\",model_name=\"m\","
                                "outcome=\"Dispatched\",priority=\"0\""));
  EXPECT_TRUE(metrics.flow_removed("a", 0));
  EXPECT_THAT(page(), Not(HasSubstr("fairness_id=\"a\"")));
}

struct FlowControlWeakSpot : FlowMetricsTest {};

TEST_F(FlowControlWeakSpot, W09_NamesAreFreeAgainAfterCollection) {
  for (const char* id : {"a", "b", "c", "d", "e"})
    pass(request(id));
  EXPECT_THAT(page(), HasSubstr("fairness_id=\"c\""));
  EXPECT_THAT(page(), Not(HasSubstr("fairness_id=\"d\"")));
  EXPECT_THAT(page(), HasSubstr("queue_duration_seconds_count{fairness_id=\"other\",inference_pool=\"p\",model_name="
                                "\"m\",outcome=\"Dispatched\",priority=\"0\",target_model_name=\"t\"} 2"));
  EXPECT_TRUE(metrics.flow_removed("a", 0));
  EXPECT_THAT(page(), Not(HasSubstr("fairness_id=\"a\"")));
  pass(request("f"));
  EXPECT_THAT(page(), HasSubstr("fairness_id=\"f\""));
}

TEST_F(FlowMetricsTest, ANameThatIsNotShownStaysSoWhileItsRequestsWait) {
  for (const char* id : {"a", "b", "c"})
    pass(request(id));
  ask(request("d"));
  EXPECT_TRUE(metrics.flow_removed("a", 0));
  metrics.ended(request("d"), "Dispatched", 1ms);
  EXPECT_THAT(page(), HasSubstr("queue_size{fairness_id=\"other\",inference_pool=\"p\",model_name=\"m\",priority=\"0\","
                                "target_model_name=\"t\"} 0"));
}

TEST_F(FlowMetricsTest, AClientWithFlowsInOtherBandsIsKept) {
  pass(request("a", 1));
  pass(request("a", 2));
  EXPECT_FALSE(metrics.flow_removed("a", 1));
  EXPECT_THAT(page(), HasSubstr("fairness_id=\"a\""));
  EXPECT_TRUE(metrics.flow_removed("a", 2));
  EXPECT_FALSE(metrics.flow_removed("a", 2)) << "unknown";
}

struct FlowControlCheck : FlowMetricsTest {};

TEST_F(FlowControlCheck, C39_CapacityUtilisation) {
  FlowGauges now;
  now.saturation = 0.5;
  now.decode = 0.5;
  now.total = {.requests = 1, .bytes = 30, .max_requests = 4, .max_bytes = 0};
  now.bands = {{0, {.requests = 1, .bytes = 30, .max_requests = 10, .max_bytes = 300}}};
  const auto handles = metrics.gauges(registry, [&] { return now; });
  EXPECT_THAT(page(), HasSubstr("flow_control_capacity_utilization_requests{inference_pool=\"p\",priority=\"0\"} 0.1"));
  EXPECT_THAT(page(), HasSubstr("flow_control_capacity_utilization_bytes{inference_pool=\"p\",priority=\"0\"} 0.1"));
  EXPECT_THAT(page(), HasSubstr("flow_control_global_capacity_utilization_requests{inference_pool=\"p\"} 0.25"));
  EXPECT_THAT(page(), Not(HasSubstr("global_capacity_utilization_bytes{"))) << "without a limit";
  EXPECT_THAT(page(), HasSubstr("llm_d_epp_flow_control_pool_saturation{inference_pool=\"p\",stage=\"decode\"} 0.5"));
  EXPECT_THAT(
      page(),
      HasSubstr("inference_extension_flow_control_pool_saturation{inference_pool=\"p\",stage=\"effective\"} 0.5"));
  EXPECT_THAT(page(), Not(HasSubstr("stage=\"prefill\"")));
}

TEST_F(FlowMetricsTest, Reclaiming) {
  metrics.revocation_issued(3);
  metrics.revocation_confirmed(20ms);
  metrics.revocation_timed_out();
  metrics.reclaim_sized(0.25, 0.5);
  EXPECT_THAT(page(), HasSubstr("flow_control_revocations_issued_total{inference_pool=\"p\",priority=\"3\"} 1"));
  EXPECT_THAT(page(), HasSubstr("flow_control_revocations_total{inference_pool=\"p\",outcome=\"confirmed\"} 1"));
  EXPECT_THAT(page(), HasSubstr("flow_control_revocations_total{inference_pool=\"p\",outcome=\"timed_out\"} 1"));
  EXPECT_THAT(page(), HasSubstr("flow_control_revocation_confirmation_seconds_count{inference_pool=\"p\"} 1"));
  EXPECT_THAT(page(), HasSubstr("flow_control_reclaim_target{inference_pool=\"p\"} 0.25"));
  EXPECT_THAT(page(), HasSubstr("flow_control_pending_reclaim{inference_pool=\"p\"} 0.5"));
}

TEST(RequestSeriesNames, AreFreeAgainOnceForgotten) {
  Registry registry;
  EppMetrics metrics(registry, {.max_fairness_ids = 1});
  metrics.request_series({"m", "m", "gone"}).scheduled(1);
  EXPECT_TRUE(metrics.fairness_limiter().full());
  metrics.forget_fairness_id("gone");
  EXPECT_THAT(registry.render().body, Not(HasSubstr("gone")));
  metrics.request_series({"m", "m", "new"}).scheduled(1);
  EXPECT_THAT(registry.render().body, HasSubstr("fairness_id=\"new\""));
}

}  // namespace
}  // namespace epp::telemetry
