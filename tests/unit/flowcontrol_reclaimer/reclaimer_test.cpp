// Which requests are stopped, and how many.
#include "flowcontrol/reclaimer.h"

#include "unit/flowcontrol_reclaimer/running_pool.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using testing::kMs;
using testing::Policy;
using testing::RunningPool;
using Names = std::vector<std::string>;

// ---- how many ----

struct SizingRow {
  std::size_t running, evictable;
  double saturation, ceiling;
  unsigned expected;
};

class Sizing : public ::testing::TestWithParam<SizingRow> {};

TEST_P(Sizing, IsWhatFreesTheExcess) {
  const SizingRow& row = GetParam();
  EXPECT_EQ(
      evictions_for(
          {.running = row.running, .evictable = row.evictable, .saturation = row.saturation, .ceiling = row.ceiling},
          2),
      row.expected);
}

INSTANTIATE_TEST_SUITE_P(ReferenceTable, Sizing,
                         ::testing::Values(SizingRow{6, 6, 1.2, 1.0, 1}, SizingRow{4, 4, 2.0, 1.0, 2},
                                           SizingRow{4, 1, 2.0, 1.0, 1}, SizingRow{10, 10, 1.0, 1.0, 1},
                                           SizingRow{20, 20, 1.0, 0.9, 2}, SizingRow{0, 0, 1.5, 1.0, 0},
                                           SizingRow{6, 6, 0.9, 1.0, 0}));

TEST(ReclaimSizingTest, CountsWhatIsOnItsWay) {
  const auto with_pending = [](double pending) {
    return evictions_for({.running = 10, .evictable = 10, .saturation = 1.5, .ceiling = 1.0, .pending = pending}, 9);
  };
  EXPECT_EQ(with_pending(0), 4u) << "0.5 / 0.15";
  EXPECT_EQ(with_pending(0.3), 2u) << "0.2 / 0.15";
  EXPECT_EQ(with_pending(0.45), 1u);
  EXPECT_EQ(with_pending(0.5), 0u) << "all of it is on its way";
  EXPECT_EQ(with_pending(0.6), 0u);
}

TEST(ReclaimSizingTest, RoundingDustStopsNobody) {
  // 11 of 10: exactly one is too many, although 1.1 - 1.0 > 0.1.
  EXPECT_GT(1.1 - 1.0, 0.1);
  EXPECT_EQ(evictions_for({.running = 11, .evictable = 11, .saturation = 1.1, .ceiling = 1.0}, 5), 1u);
}

TEST(ReclaimSizingTest, NothingKnownToFreeIsNothing) {
  for (const double saturation : {std::nan(""), std::numeric_limits<double>::infinity(), 0.0, -1.0}) {
    EXPECT_EQ(evictions_for({.running = 3, .evictable = 3, .saturation = saturation, .ceiling = 0.0}, 2), 0u)
        << saturation;
  }
  EXPECT_EQ(evictions_for({.running = 3, .evictable = 3, .saturation = 2, .ceiling = std::nan("")}, 2), 0u);
  EXPECT_EQ(evictions_for({.running = 3, .evictable = 0, .saturation = 2}, 2), 0u);
  EXPECT_EQ(evictions_for({.running = 3, .evictable = 3, .saturation = 2}, 0), 0u);
}

// With capacity C and a gate that closes at h*C, the fewest evictions that let K requests in; no more happen.
struct MinimumRow {
  int preload, arrivals, evictions, admitted;
};

class Minimum : public ::testing::TestWithParam<MinimumRow> {};

TEST_P(Minimum, IsNeverExceeded) {
  constexpr int kCapacity = 20;
  constexpr double kCeiling = 0.9;
  const MinimumRow& row = GetParam();
  RunningPool pool({.grace_ns = 10 * kMs});
  int running = 0;
  for (; running < row.preload; ++running)
    pool.start("old" + std::to_string(running), -1);
  int admitted = 0;
  int evictions = 0;
  for (bool stuck = false; admitted < row.arrivals && !stuck;) {
    const double saturation = static_cast<double>(running) / kCapacity;
    if (saturation < kCeiling) {
      pool.start("new" + std::to_string(admitted++), 0);
      ++running;
      continue;
    }
    const Names evicted = pool.look(saturation, 0, kCeiling);
    stuck = evicted.empty();
    pool.now += 3 * kMs;
    for (const std::string& name : evicted) {
      pool.end(name);
      --running;
      ++evictions;
    }
    pool.now += pool.grace;
  }
  EXPECT_EQ(evictions, row.evictions);
  EXPECT_EQ(admitted, row.admitted);
}

INSTANTIATE_TEST_SUITE_P(Analytic, Minimum,
                         ::testing::Values(MinimumRow{20, 1, 3, 1}, MinimumRow{20, 10, 12, 10},
                                           MinimumRow{20, 32, 20, 18}, MinimumRow{10, 1, 0, 1}));

// ---- which ----

TEST(FlowControlCheck, C34_TheNewestSheddableRequestIsStoppedAndConfirmed) {
  RunningPool pool({.grace_ns = 10 * kMs});
  pool.start("old", -1);
  pool.start("new", -1);
  EXPECT_EQ(pool.look(1.0), Names{"new"});
  EXPECT_EQ(pool.last_reason(), "evicted");
  EXPECT_EQ(pool.observed.issued_for, (std::map<std::int32_t, unsigned>{{0, 1}}));
  EXPECT_TRUE(pool.observed.confirmations.empty());
  pool.now += 7 * kMs;
  pool.end("new");
  EXPECT_EQ(pool.observed.confirmations, std::vector<Nanos>{7 * kMs});
  EXPECT_EQ(pool.observed.timeouts, 0u);
}

TEST(FlowControlCheck, C35_OnlySheddableRequestsBelowTheDemandAreStopped) {
  RunningPool same;
  same.start("a", 0);
  same.start("b", 0);
  EXPECT_EQ(same.look(1.0), Names{}) << "priority 0 is not sheddable";
  EXPECT_EQ(same.look(1.0, 100), Names{});

  RunningPool low;
  low.start("victim", -5);
  EXPECT_EQ(low.look(1.0, -5), Names{}) << "not below the demand";
  low.start("lower", -10);
  EXPECT_EQ(low.look(1.0, -5), Names{"lower"});
}

TEST(FlowControlCheck, C36_TheLowestPriorityGoesFirstThenTheLatestDispatch) {
  RunningPool pool({.max_per_decision = 1});
  pool.start("old-1", -1);
  pool.start("new-2", -2);
  pool.start("newer-2", -2);
  Names order;
  for (int i = 0; i < 3; ++i) {
    const Names evicted = pool.look(1.0);
    ASSERT_EQ(evicted.size(), 1u);
    order.push_back(evicted[0]);
    pool.end(evicted[0]);
    pool.now += pool.grace;
  }
  EXPECT_EQ(order, (Names{"newer-2", "new-2", "old-1"}));
}

TEST(ReclaimerTest, ADecisionSignalsInOrder) {
  RunningPool pool({.max_per_decision = 3});
  for (int i = 0; i < 6; ++i)
    pool.start(std::to_string(i), -1 - (i % 2));
  EXPECT_EQ(pool.look(2.0), (Names{"5", "3", "1"}));
  EXPECT_EQ(pool.observed.issued_for[0], 3u);
}

TEST(ReclaimerTest, ABatchEndsWhereTheDemandsPriorityBegins) {
  RunningPool pool({.max_per_decision = 5});
  pool.start("a", -3);
  pool.start("b", -2);
  pool.start("c", -1);
  EXPECT_EQ(pool.look(9.0, -2), Names{"a"}) << "never one of the demand's priority or above";
}

TEST(ReclaimerTest, TheFilterIsAskedOnceAtTracking) {
  const auto filter = Policy::filtering([](const epp_running_request& r) { return r.cost > 10; });
  RunningPool pool({.filter = filter});
  pool.start("small", {.priority = -1, .cost = 10});
  pool.start("large", {.priority = 5, .cost = 11});
  EXPECT_EQ(filter->asked(), 2u);
  EXPECT_EQ(pool.status().evictable, 1u);
  EXPECT_EQ(pool.reclaimer.victim_priority(pool.now), 5);
  EXPECT_EQ(pool.look(2.0, 6), Names{"large"}) << "the filter decides, not the sign of the priority";
  EXPECT_EQ(filter->asked(), 2u);
}

TEST(ReclaimerTest, AFilterThatIsBypassedAcceptsNothing) {
  const auto filter = Policy::filtering([](const epp_running_request&) { return true; });
  filter->bypass();
  RunningPool pool({.filter = filter});
  pool.start("a", -1);
  EXPECT_EQ(filter->asked(), 0u);
  EXPECT_EQ(pool.status().evictable, 0u);
  EXPECT_EQ(pool.look(2.0), Names{});
}

// Upstream chooses by age alone, however much work a victim has done.
TEST(FlowControlWeakSpot, W19_VictimsAreChosenByWhatTheyFreeAndWhatTheyWaste) {
  const auto cheapest_loss = Policy::ordering_by([](const epp_running_request& a, const epp_running_request& b) {
    if ((a.response_chunks == 0) != (b.response_chunks == 0)) return a.response_chunks == 0;
    return a.cost > b.cost;
  });
  RunningPool pool({.ordering = cheapest_loss, .max_per_decision = 1});
  pool.start("small", {.priority = -1, .cost = 10});
  pool.start("large", {.priority = -1, .cost = 1000});
  pool.start("newest", {.priority = -1, .cost = 20});
  pool.progress("large", 4);
  EXPECT_EQ(pool.look(2.0), Names{"newest"}) << "its client has seen nothing yet";
  pool.end("newest");
  pool.now += pool.grace;
  pool.progress("small", 1);
  EXPECT_EQ(pool.look(2.0), Names{"large"}) << "both have begun: the larger one";
}

TEST(ReclaimerTest, AnOrderingMayPutTheDemandsOwnPriorityFirst) {
  // The first by the policy is not below the demand; one that is goes in its place.
  const auto any = Policy::filtering([](const epp_running_request&) { return true; });
  const auto by_cost =
      Policy::ordering_by([](const epp_running_request& a, const epp_running_request& b) { return a.cost > b.cost; });
  RunningPool pool({.filter = any, .ordering = by_cost});
  pool.start("high", {.priority = 3, .cost = 1000});
  pool.start("low", {.priority = 1, .cost = 1});
  EXPECT_EQ(pool.look(2.0, 2), Names{"low"});
}

TEST(ReclaimerTest, AnOrderingThatContradictsItselfIsReplacedAndBypassed) {
  const auto always = Policy::ordering_by([](const epp_running_request&, const epp_running_request&) { return true; });
  RunningPool pool({.ordering = always, .max_per_decision = 1});
  for (int i = 0; i < 150; ++i)
    pool.start(std::to_string(i), -1 - (i % 7 == 3));
  EXPECT_EQ(pool.look(2.0), Names{"143"}) << "the default order: the newest of the lowest priority";
  EXPECT_EQ(always->faults(plugins::Fault::kOutOfRange), plugins::kBypassAfterFaults);
  EXPECT_TRUE(always->bypassed());
  const unsigned asked = always->asked();
  pool.end("143");
  pool.now += pool.grace;
  EXPECT_EQ(pool.look(2.0), Names{"136"});
  EXPECT_EQ(always->asked(), asked) << "not asked any more";
}

// Upstream knows requests by x-request-id: a second one of the same id takes the first one's place, and the end of
// either forgets both.
TEST(FlowControlWeakSpot, W18_EqualRequestIdsAreStillTwoRequests) {
  RunningPool pool({.max_per_decision = 1});
  pool.start("first", {.priority = -1, .id = "same"});
  pool.start("second", {.priority = -1, .id = "same"});
  pool.start("third", {.priority = 0, .id = "same"});
  EXPECT_EQ(pool.status().running, 3u);
  EXPECT_EQ(pool.status().evictable, 2u);
  pool.end("third");
  EXPECT_EQ(pool.look(1.0), Names{"second"});
  pool.end("first");
  EXPECT_EQ(pool.status().outstanding, 1u) << "the end of a namesake confirms nothing";
  EXPECT_TRUE(pool.observed.confirmations.empty());
  pool.end("second");
  EXPECT_EQ(pool.observed.confirmations.size(), 1u);
  EXPECT_EQ(pool.status().running, 0u);
}

TEST(ReclaimerTest, ARequestWithoutAnIdCanBeStopped) {
  RunningPool pool;
  pool.start("a", {.priority = -1, .id = ""});
  EXPECT_EQ(pool.look(1.0), Names{"a"});
}

TEST(ReclaimerTest, PoliciesSeeTheRequestAsItWasTracked) {
  const auto looks = Policy::filtering([](const epp_running_request& r) {
    const auto is = [](epp_str text, std::string_view expected) {
      return std::string_view(text.data, text.size) == expected;
    };
    return is(r.id, "abc") && is(r.fairness_id, "tenant") && is(r.host_port, "10.0.0.1:8000") && r.cost == 7 &&
           r.response_chunks == 0;
  });
  RunningPool pool({.filter = looks});
  {
    std::string short_lived = "abc";
    pool.start("a", {.priority = -1, .id = short_lived, .cost = 7});
  }
  EXPECT_EQ(pool.status().evictable, 1u);
}

}  // namespace
}  // namespace epp::flowcontrol
