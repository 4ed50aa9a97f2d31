// Policies written with the C++ wrapper: which points they serve, and that what they throw stays inside.
#include "plugins/catalogue.h"
#include "plugins/flow_hooks.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <epp/plugin.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace epp::plugins;
using epp::config::Role;
using epp::testing::PluginHarness;
using ::testing::ElementsAre;

int open_bands = 0;

// Throws whatever it is asked.
class Thrower {
 public:
  struct Band {
    Band() { ++open_bands; }
    ~Band() { --open_bands; }
    Band(const Band&) = delete;
    Band& operator=(const Band&) = delete;
    uint32_t pick(uint64_t) { throw std::runtime_error("no idea"); }
    void flow_added(const epp_flow&) { throw 1; }
    void flow_removed(const epp_flow&) { throw 2; }
    void head_changed(const epp_flow&) { throw 3; }
    void charged(const epp_flow&, uint32_t, int64_t) { throw 4; }
  };
  explicit Thrower(epp::sdk::Context&) {}
  std::unique_ptr<Band> open_band(int32_t priority) {
    if (priority == 13) throw epp::sdk::Error("not that one");
    return std::make_unique<Band>();
  }
  int64_t order_key(const epp::sdk::QueuedRequest&) const { throw std::runtime_error("no key"); }
  bool order_before(const epp::sdk::QueuedRequest&, const epp::sdk::QueuedRequest&) const { throw 5; }
  void usage_ceilings(double, std::span<const int32_t>, std::span<double> ceilings, uint64_t&) {
    ceilings[0] = 0;
    throw std::runtime_error("no ceilings");
  }
  bool accept_eviction(const epp_running_request&) const { throw 6; }
  bool evict_before(const epp_running_request&, const epp_running_request&) const { throw 7; }
};

class Comparator {
 public:
  explicit Comparator(epp::sdk::Context&) {}
  int64_t order_key(const epp::sdk::QueuedRequest&) const { return 0; }
  bool order_before(const epp::sdk::QueuedRequest& a, const epp::sdk::QueuedRequest& b) const {
    return a.bytes() < b.bytes();
  }
};

const epp_entry& entry() {
  static const std::array<const epp_type*, 2> types = {
      epp::sdk::type<Thrower>({.name = "thrower", .description = "throws"}),
      epp::sdk::type<Comparator>({.name = "comparator", .description = "compares"})};
  static const epp_entry result = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, types.size(),
                                   types.data(),      nullptr,       nullptr};
  return result;
}

TEST(SdkPolicies, RolesFollowFromMembers) {
  Catalogue catalogue;
  std::string error;
  catalogue.add(Library::from_entry(entry(), "linked", error));
  const auto& thrower = catalogue.find("thrower", {})->roles;
  for (const Role role :
       {Role::kFairness, Role::kOrdering, Role::kUsageLimits, Role::kEvictionFilter, Role::kEvictionOrdering})
    EXPECT_TRUE(thrower.has(role));
  EXPECT_FALSE(thrower.has(Role::kSaturationDetector));
  const auto& comparator = catalogue.find("comparator", {})->roles;
  EXPECT_TRUE(comparator.has(Role::kOrdering));
  EXPECT_FALSE(comparator.has(Role::kFairness));
}

TEST(SdkPolicies, ExceptionsStayInside) {
  PluginHarness host;
  host.load_entry(entry());
  const auto policy = host.create("thrower");
  ErrorBuffer error;
  EXPECT_EQ(open_fairness_band(*policy, 13, error), nullptr);
  EXPECT_EQ(error.message(), "not that one");
  void* band = open_fairness_band(*policy, 0, error);
  ASSERT_NE(band, nullptr);
  EXPECT_EQ(open_bands, 1);
  const epp_flow flow{};
  tell_flow_added(*policy, band, flow);
  tell_head_changed(*policy, band, flow);
  tell_charged(*policy, band, flow, EPP_CHARGE_DISPATCH, 1);
  tell_flow_removed(*policy, band, flow);
  uint32_t picked = 0;
  EXPECT_FALSE(run_fairness_pick(*policy, band, 1, error, picked));
  EXPECT_EQ(error.message(), "no idea");
  close_fairness_band(*policy, band);
  EXPECT_EQ(open_bands, 0);

  epp_queued_request item{};
  item.enqueued_ns = 9;
  EXPECT_EQ(run_ordering_key(*policy, item, error), 9);
  EXPECT_TRUE(has_comparator(*policy));
  EXPECT_FALSE(runs_before(*policy, item, item));

  const std::vector<int32_t> priorities = {1, 0};
  std::vector<double> ceilings(2);
  uint64_t again_ns = 0;
  run_usage_limits(*policy, 0, priorities, ceilings, error, again_ns);
  EXPECT_THAT(ceilings, ElementsAre(1.0, 1.0));
  EXPECT_FALSE(accepts_eviction(*policy, {}));
  EXPECT_FALSE(evicts_before(*policy, {}, {}));
}

TEST(SdkPolicies, AComparatorWhereAKeyCannotSayIt) {
  PluginHarness host;
  host.load_entry(entry());
  const auto policy = host.create("comparator");
  epp_queued_request small{};
  epp_queued_request large{};
  small.bytes = 1;
  large.bytes = 2;
  EXPECT_TRUE(has_comparator(*policy));
  EXPECT_TRUE(runs_before(*policy, small, large));
  EXPECT_FALSE(runs_before(*policy, large, small));
}

}  // namespace
