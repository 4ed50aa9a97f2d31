// latency-slo-admitter.
#include "unit/plugin_harness/plugin_harness.h"

#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using epp::testing::TestRequest;

constexpr const char* kType = "latency-slo-admitter";
const std::string kTtft = std::string(EPP_KEY_LATENCY_PREDICTION) + EPP_FIELD_LATENCY_TTFT_VALID;
const std::string kTpot = std::string(EPP_KEY_LATENCY_PREDICTION) + EPP_FIELD_LATENCY_TPOT_VALID;

struct AdmitterStage {
  AdmitterStage() {
    host.load(kType);
    busy("a");
    busy("b");
  }
  void busy(const char* name) {
    host.endpoint(name).set(EPP_KEY_KV_CACHE_USAGE, 0.5).set(EPP_KEY_RUNNING_REQUESTS_SIZE, 3.0);
  }
  // Priority -1, with an objective that no endpoint meets.
  TestRequest hopeless() {
    TestRequest request = host.request();
    request.priority(-1).header("x-llm-d-slo-ttft-ms", "1");
    request.column_i64(kTtft, {{"a", 0}, {"b", 1}}).column_i64(kTpot, {{"a", 1}, {"b", 0}});
    return request;
  }
  bool admits(TestRequest& request) { return host.admit(admitter(), request).ok(); }
  epp::plugins::InstancePtr admitter() {
    if (instance_ == nullptr) instance_ = host.create(kType);
    return instance_;
  }
  PluginHarness host;

 private:
  epp::plugins::InstancePtr instance_;
};

TEST(FlowControlCheck, C38_LatencySloDenies) {
  AdmitterStage stage;
  auto request = stage.hopeless();
  const auto outcome = stage.host.admit(stage.admitter(), request);
  EXPECT_EQ(outcome.status, EPP_ERR_UNTYPED);
  EXPECT_EQ(outcome.message, "no valid endpoint available to serve the request");
}

TEST(FlowControlCheck, C38_LatencySloAdmitsWhereOneCanServe) {
  AdmitterStage stage;
  auto idle = stage.hopeless();
  stage.host.endpoint("b").set(EPP_KEY_RUNNING_REQUESTS_SIZE, 0.0);
  EXPECT_TRUE(stage.admits(idle));
  stage.busy("b");
  EXPECT_FALSE(stage.admits(idle));
  stage.host.endpoint("b").set(EPP_KEY_KV_CACHE_USAGE, 0.01);
  EXPECT_TRUE(stage.admits(idle));
  stage.busy("b");
  auto valid = stage.hopeless();
  valid.column_i64(kTpot, {{"b", 1}});
  EXPECT_TRUE(stage.admits(valid));
}

TEST(FlowControlCheck, C38_LatencySloOnlyJudgesSheddableRequestsWithAnObjective) {
  AdmitterStage stage;
  auto higher = stage.hopeless();
  higher.priority(0);
  EXPECT_TRUE(stage.admits(higher));
  struct Row {
    const char* name;
    const char* value;
    bool admitted;
  };
  for (const Row& row : std::vector<Row>{{"x-llm-d-slo-ttft-ms", "0", true},
                                         {"x-llm-d-slo-ttft-ms", "-1", true},
                                         {"x-llm-d-slo-ttft-ms", "soon", true},
                                         {"x-llm-d-slo-ttft-ms", "1.5e1", false},
                                         {"x-slo-ttft-ms", "5", false},
                                         {"x-llm-d-slo-tpot-ms", "5", false},
                                         {"x-slo-tpot-ms", "+5", false}}) {
    TestRequest request = stage.host.request();
    request.priority(-1).header(row.name, row.value);
    request.column_i64(kTtft, {{"a", 0}, {"b", 0}}).column_i64(kTpot, {{"a", 0}, {"b", 0}});
    EXPECT_EQ(stage.admits(request), row.admitted) << row.name << ' ' << row.value;
  }
}

TEST(FlowControlCheck, C38_LatencySloAdmitsWithoutPredictions) {
  AdmitterStage stage;
  TestRequest request = stage.host.request();
  request.priority(-1).header("x-llm-d-slo-ttft-ms", "1");
  EXPECT_TRUE(stage.admits(request));
}

}  // namespace
