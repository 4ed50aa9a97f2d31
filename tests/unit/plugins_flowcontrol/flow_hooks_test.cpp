// What the host does with answers of flow-control policies that it cannot use.
#include "plugins/flow_hooks.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::plugins {
namespace {

using ::testing::ElementsAre;

struct Observer final : CallObserver {
  void on_call(const Instance&, ExtensionPoint point, uint64_t) override { calls.emplace_back(to_string(point)); }
  void on_fault(const Instance&, ExtensionPoint point, Fault fault, std::string_view message) override {
    faults.push_back(std::string(to_string(point)) + ' ' + std::string(to_string(fault)) + ' ' + std::string(message));
  }
  std::vector<std::string> calls;
  std::vector<std::string> faults;
};

struct Policy final : Instance {
  explicit Policy(CallObserver& to) { observer_ = &to; }
};

epp_status fail(epp_error* error, std::string_view text) {
  text.copy(error->message, text.size());
  error->message_size = text.size();
  return EPP_ERR_UNTYPED;
}

// Knows flow 7; what it is told, it counts in the band.
epp_fairness fairness_table() {
  epp_fairness table{};
  table.size = sizeof table;
  table.open_band = [](const epp_instance*, int32_t priority, void** band, epp_error* error) {
    if (priority < 0) return fail(error, "no negative bands");
    if (priority > 0) *band = new int(0);
    return EPP_OK;
  };
  table.close_band = [](const epp_instance*, void* band) { delete static_cast<int*>(band); };
  table.head_changed = [](const epp_instance*, void* band, const epp_flow*) { ++*static_cast<int*>(band); };
  table.pick = [](const epp_instance*, void*, uint64_t now_ns, uint32_t* flow, epp_error* error) {
    if (now_ns == 0) return fail(error, "too early");
    *flow = 7;
    return EPP_OK;
  };
  return table;
}

class FlowHooks : public ::testing::Test {
 protected:
  Observer observer;
  Policy policy{observer};
  ErrorBuffer error;
};

TEST_F(FlowHooks, ABandThatCannotBeOpened) {
  const epp_fairness table = fairness_table();
  policy.fairness = &table;
  EXPECT_EQ(open_fairness_band(policy, -1, error), nullptr);
  EXPECT_EQ(open_fairness_band(policy, 0, error), nullptr);
  EXPECT_THAT(observer.faults,
              ElementsAre("Fairness error no negative bands", "Fairness error opened a band without a state"));
  uint32_t flow = 0;
  EXPECT_FALSE(run_fairness_pick(policy, nullptr, 1, error, flow));
  tell_head_changed(policy, nullptr, {});
  close_fairness_band(policy, nullptr);
}

TEST_F(FlowHooks, OnlyWhatThePolicyListensTo) {
  epp_fairness table = fairness_table();
  policy.fairness = &table;
  void* band = open_fairness_band(policy, 1, error);
  ASSERT_NE(band, nullptr);
  tell_flow_added(policy, band, {});
  tell_head_changed(policy, band, {});
  tell_flow_removed(policy, band, {});
  EXPECT_EQ(*static_cast<int*>(band), 1);
  // A table of a host that ends before `charged`.
  table.charged = [](const epp_instance*, void* state, const epp_flow*, uint32_t, int64_t) {
    *static_cast<int*>(state) = 9;
  };
  table.size = offsetof(epp_fairness, charged);
  tell_charged(policy, band, {}, EPP_CHARGE_DISPATCH, 1);
  EXPECT_EQ(*static_cast<int*>(band), 1);
  table.size = sizeof table;
  tell_charged(policy, band, {}, EPP_CHARGE_DISPATCH, 1);
  EXPECT_EQ(*static_cast<int*>(band), 9);
  close_fairness_band(policy, band);
}

TEST_F(FlowHooks, PicksAreJudgedByTheCaller) {
  const epp_fairness table = fairness_table();
  policy.fairness = &table;
  void* band = open_fairness_band(policy, 1, error);
  uint32_t flow = 0;
  for (uint32_t i = 0; i < kBypassAfterFaults; ++i) {
    ASSERT_TRUE(run_fairness_pick(policy, band, 1, error, flow)) << "bypassed after " << i;
    EXPECT_EQ(flow, 7u);
    EXPECT_FALSE(judge_pick(policy, false));
  }
  EXPECT_FALSE(run_fairness_pick(policy, band, 1, error, flow));
  EXPECT_EQ(policy.faults(Fault::kOutOfRange), kBypassAfterFaults);
  EXPECT_TRUE(policy.bypassed());
  close_fairness_band(policy, band);
}

TEST_F(FlowHooks, AGoodPickForgivesFaults) {
  const epp_fairness table = fairness_table();
  policy.fairness = &table;
  void* band = open_fairness_band(policy, 1, error);
  uint32_t flow = 0;
  for (uint32_t i = 0; i < 3 * kBypassAfterFaults; ++i) {
    EXPECT_FALSE(run_fairness_pick(policy, band, 0, error, flow));
    ASSERT_TRUE(run_fairness_pick(policy, band, 1, error, flow));
    EXPECT_TRUE(judge_pick(policy, true));
  }
  EXPECT_EQ(observer.faults.front(), "Fairness error too early");
  close_fairness_band(policy, band);
}

TEST_F(FlowHooks, OrderingFallsBackToArrival) {
  epp_ordering table{};
  table.size = sizeof table;
  table.key = [](const epp_instance*, const epp_queued_request* item, int64_t* key, epp_error* error_out) {
    *key = -1;
    return item->cost == 0 ? fail(error_out, "no cost") : EPP_OK;
  };
  policy.ordering = &table;
  epp_queued_request item{};
  item.enqueued_ns = 42;
  EXPECT_EQ(run_ordering_key(policy, item, error), 42);
  item.cost = 1;
  EXPECT_EQ(run_ordering_key(policy, item, error), -1);
  EXPECT_EQ(policy.faults(Fault::kError), 1u);

  EXPECT_FALSE(has_comparator(policy));
  EXPECT_FALSE(runs_before(policy, item, item));
  table.before = [](const epp_instance*, const epp_queued_request* a, const epp_queued_request* b) {
    return a->cost < b->cost ? 1u : 0u;
  };
  EXPECT_TRUE(has_comparator(policy));
  EXPECT_TRUE(runs_before(policy, epp_queued_request{}, item));
  table.size = offsetof(epp_ordering, before);
  EXPECT_FALSE(has_comparator(policy));
}

TEST_F(FlowHooks, CeilingsAreNumbers) {
  epp_usage_limits table{};
  table.size = sizeof table;
  table.ceilings = [](const epp_instance*, double saturation, const int32_t*, uint64_t, double* ceilings,
                      uint64_t* again_ns, epp_error* error_out) {
    ceilings[0] = 0.5;
    ceilings[1] = std::nan("");
    *again_ns = 5;
    return saturation > 1 ? fail(error_out, "too full") : EPP_OK;
  };
  policy.usage_limits = &table;
  const std::vector<int32_t> priorities = {1, 0, -1};
  std::vector<double> ceilings(3, -7);
  uint64_t again_ns = 1;
  run_usage_limits(policy, 0.5, priorities, ceilings, error, again_ns);
  EXPECT_THAT(ceilings, ElementsAre(0.5, 1.0, 1.0));
  EXPECT_EQ(again_ns, 5u);
  EXPECT_EQ(policy.faults(Fault::kNotANumber), 1u);
  run_usage_limits(policy, 2, priorities, ceilings, error, again_ns);
  EXPECT_THAT(ceilings, ElementsAre(1.0, 1.0, 1.0));
  EXPECT_EQ(again_ns, 0u);
  EXPECT_EQ(policy.faults(Fault::kError), 1u);
}

TEST_F(FlowHooks, AFewCallsAreTimed) {
  const epp_fairness table = fairness_table();
  policy.fairness = &table;
  void* band = open_fairness_band(policy, 1, error);
  uint32_t flow = 0;
  for (int i = 0; i < 4096; ++i)
    ASSERT_TRUE(run_fairness_pick(policy, band, 1, error, flow));
  EXPECT_THAT(observer.calls, ElementsAre("Fairness", "Fairness", "Fairness", "Fairness"));
  close_fairness_band(policy, band);
}

}  // namespace
}  // namespace epp::plugins
