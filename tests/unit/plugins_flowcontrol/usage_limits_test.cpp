// static, priority-holdback and soft-reflective-ceiling usage limits.
#include "plugins/flow_hooks.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

constexpr const char* kStatic = "static-usage-limit-policy";
constexpr const char* kHoldback = "priority-holdback-policy";
constexpr const char* kReflective = "soft-reflective-ceiling-policy";

MATCHER(Near, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) < 1e-4;
}

struct PolicyStage {
  PolicyStage() {
    for (const char* type : {kStatic, kHoldback, kReflective})
      host.load(type);
  }
  std::vector<double> ceilings(const epp::plugins::InstancePtr& policy, double saturation,
                               std::vector<int32_t> priorities) {
    std::vector<double> answer(priorities.size(), -1);
    epp::plugins::ErrorBuffer error;
    epp::plugins::run_usage_limits(*policy, saturation, priorities, answer, error, again_ns);
    return answer;
  }
  // Which bands may dispatch: a band that may not stops those below it.
  std::vector<int32_t> flowing(const epp::plugins::InstancePtr& policy, double saturation,
                               const std::vector<int32_t>& priorities) {
    std::vector<int32_t> open;
    const auto limits = ceilings(policy, saturation, priorities);
    for (size_t i = 0; i < limits.size() && saturation < limits[i]; ++i)
      open.push_back(priorities[i]);
    return open;
  }
  PluginHarness host;
  uint64_t again_ns = 0;
};

class UsageLimits : public ::testing::Test, protected PolicyStage {};

TEST(FlowControlCheck, C26_StaticThreshold) {
  PolicyStage stage;
  const auto half = stage.host.create(kStatic, R"({"threshold": 0.5})");
  EXPECT_THAT(stage.ceilings(half, 0.9, {100, 0, -10}), ElementsAre(0.5, 0.5, 0.5));
  EXPECT_THAT(stage.flowing(half, 0.4, {0}), ElementsAre(0));
  EXPECT_THAT(stage.flowing(half, 0.5, {0}), IsEmpty());
  EXPECT_THAT(stage.ceilings(stage.host.create(kStatic, "{}", "default"), 0.9, {0}), ElementsAre(1.0));
  EXPECT_EQ(stage.again_ns, 0u);
}

TEST_F(UsageLimits, W25_UnusualStaticThresholdsAreLogged) {
  (void)host.create(kStatic, R"({"threshold": 1})", "a");
  EXPECT_THAT(host.log_lines(), IsEmpty());
  const auto never = host.create(kStatic, R"({"threshold": 0})", "b");
  const auto over = host.create(kStatic, R"({"threshold": 1.5})", "c");
  EXPECT_THAT(host.log_lines(), ElementsAre(HasSubstr("never dispatches"), HasSubstr("dispatches to a full pool")));
  EXPECT_THAT(ceilings(never, 0, {0}), ElementsAre(0.0));
  EXPECT_THAT(ceilings(over, 0, {0}), ElementsAre(1.5));
  EXPECT_NE(host.create_error(kStatic, R"({"thresholds": 1})"), "");
}

TEST(FlowControlCheck, C27_HoldbackByRank) {
  PolicyStage stage;
  const auto policy = stage.host.create(kHoldback, R"({"minCeiling": 0.4, "maxCeiling": 0.9})");
  const std::vector<int32_t> bands = {100, 0, -10};
  EXPECT_THAT(stage.ceilings(policy, 0, bands), Pointwise(Near(), {0.9, 0.65, 0.4}));
  EXPECT_THAT(stage.flowing(policy, 0.3, bands), ElementsAre(100, 0, -10));
  EXPECT_THAT(stage.flowing(policy, 0.4, bands), ElementsAre(100, 0));
  EXPECT_THAT(stage.flowing(policy, 0.5, bands), ElementsAre(100, 0));
  EXPECT_THAT(stage.flowing(policy, 0.7, bands), ElementsAre(100));
  EXPECT_THAT(stage.flowing(policy, 0.9, bands), IsEmpty());
}

TEST_F(UsageLimits, HoldbackTable) {
  const auto by_rank = host.create(kHoldback, R"({"minCeiling": 0.5, "maxCeiling": 1.0})", "rank");
  EXPECT_THAT(ceilings(by_rank, 0, {3, 2, 1, 0}), Pointwise(Near(), {1.0, 0.8333, 0.6667, 0.5}));
  EXPECT_THAT(ceilings(by_rank, 0, {0}), ElementsAre(1.0));
  const auto by_value = host.create(kHoldback, R"({"minCeiling": 0.4, "maxCeiling": 0.9, "domain": "value"})", "value");
  EXPECT_THAT(ceilings(by_value, 0, {100, 10, 0}), Pointwise(Near(), {0.9, 0.45, 0.4}));
  EXPECT_THAT(ceilings(by_value, 0, {7}), ElementsAre(0.9));
  EXPECT_THAT(ceilings(by_value, 0, {INT32_MAX, 0, INT32_MIN}), Pointwise(Near(), {0.9, 0.65, 0.4}));
}

TEST(FlowControlCheck, C28_ParametersThatAreRefused) {
  PolicyStage stage;
  EXPECT_EQ(stage.host.create_error(kHoldback), "minCeiling is required");
  EXPECT_EQ(stage.host.create_error(kHoldback, R"({"maxCeiling": 0.9})"), "minCeiling is required");
  for (const char* bad : {R"({"minCeiling": 1})", R"({"minCeiling": -0.1})",
                          R"({"minCeiling": 0.5, "maxCeiling": 0.5})", R"({"minCeiling": 0, "maxCeiling": 0})",
                          R"({"minCeiling": 0, "maxCeiling": 1.1})", R"({"minCeiling": 0, "shape": "cubic"})",
                          R"({"minCeiling": 0, "domain": "x"})", R"({"minCeiling": 0, "y": 1})"})
    EXPECT_NE(stage.host.create_error(kHoldback, bad), "") << bad;
  EXPECT_EQ(stage.host.create_error(kHoldback, R"({"minCeiling": 0})"), "");
  EXPECT_THAT(stage.host.create_error(kReflective, R"({"threshold": 0.5})"),
              ::testing::StartsWith("soft-reflective-ceiling-policy takes no parameters: "));
}

TEST_F(UsageLimits, ReflectivePeriods) {
  struct Row {
    double saturation;
    int period;
  };
  for (const Row& row : std::vector<Row>{{0.5, 1},
                                         {0.55, 1},
                                         {0.6, 1},
                                         {0.65, 2},
                                         {0.7, 2},
                                         {0.75, 3},
                                         {0.8, 4},
                                         {0.85, 6},
                                         {0.9, 9},
                                         {0.95, 19},
                                         {0.99, 99}}) {
    const auto policy = host.create(kReflective, "{}", "at " + std::to_string(row.saturation));
    for (int cycle = 1; cycle <= 200; ++cycle) {
      const bool open = ceilings(policy, row.saturation, {1, 0})[1] == 1;
      ASSERT_EQ(open, cycle % row.period == 0) << row.saturation << " cycle " << cycle;
      EXPECT_EQ(again_ns, open ? 0u : 1'000'000u);
    }
  }
}

TEST_F(UsageLimits, ReflectiveTable) {
  const auto policy = host.create(kReflective);
  EXPECT_THAT(ceilings(policy, 0.9, {}), IsEmpty());
  EXPECT_THAT(ceilings(policy, 0.9, {0}), ElementsAre(1.0));
  EXPECT_THAT(ceilings(policy, 0.3, {2, 1, 0}), ElementsAre(1.0, 1.0, 1.0));
  EXPECT_THAT(ceilings(policy, 1.0, {2, 1, 0}), ElementsAre(1.0, 0.0, 0.0));
  EXPECT_EQ(again_ns, 0u);
  EXPECT_THAT(ceilings(policy, 0.7, {3, 2, 1, 0}), ElementsAre(1.0, 1.0, 0.0, 0.0));
  EXPECT_THAT(ceilings(policy, 0.7, {3, 2, 1, 0}), ElementsAre(1.0, 1.0, 1.0, 1.0));
}

TEST(FlowControlCheck, C29_ReflectiveOpensAThirdOfTheCycles) {
  PolicyStage stage;
  const auto policy = stage.host.create(kReflective);
  int open = 0;
  for (int cycle = 0; cycle < 3000; ++cycle)
    open += stage.flowing(policy, 0.75, {100, 0}).size() == 2 ? 1 : 0;
  EXPECT_EQ(open, 1000);
}

}  // namespace
