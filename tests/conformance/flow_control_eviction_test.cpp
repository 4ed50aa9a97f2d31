// Running requests that make room for waiting ones.
#include "conformance/queue_lab.h"
#include "support/wait.h"

#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

// Long enough for a decision and for what follows it.
constexpr std::chrono::milliseconds kAWhile{500};

QueueOptions evicting(int max_concurrency, std::vector<int> priorities) {
  return {
      .max_concurrency = max_concurrency, .settings = "  enableEviction: true\n", .priorities = std::move(priorities)};
}

// The end that an evicted request gets.
::testing::AssertionResult evicted(Pending& request) {
  return refused(request.exchange().interruption(), 429, "evicted", "request evicted by flow control");
}

// A request that still runs can be answered to its end.
bool still_runs(Pending& request) {
  request.finish();
  return true;
}

double issued(const QueueLab& lab) {
  return lab.metric("revocations_issued_total").value_or(0);
}

TEST(FlowControlCheck, C34_TheNewestSheddableRequestMakesRoom) {
  QueueLab lab(evicting(2, {-1}));
  const auto old = lab.hold(at_priority(-1));
  const auto newest = lab.hold(at_priority(-1));
  const auto demand = lab.ask(at_priority(0));
  EXPECT_TRUE(evicted(*newest));
  EXPECT_EQ(demand->decision().status, 200);
  EXPECT_TRUE(lab.becomes("revocations_issued_total", {{"priority", "0"}}, 1));
  EXPECT_TRUE(lab.becomes("revocations_total", {{"outcome", "confirmed"}}, 1));
  EXPECT_TRUE(still_runs(*old));
}

TEST(FlowControlCheck, C35_NobodyIsEvictedForItsEqualsOrWhenNotSheddable) {
  {
    QueueLab lab(evicting(2, {}));
    const auto first = lab.hold();
    const auto second = lab.hold();
    const auto demand = lab.queue();
    EXPECT_FALSE(demand->decided_within(kAWhile));
    EXPECT_EQ(issued(lab), 0);
  }
  QueueLab lab(evicting(1, {-5, -10}));
  {
    const auto equal = lab.hold(at_priority(-5));
    const auto demand = lab.queue(at_priority(-5));
    EXPECT_FALSE(demand->decided_within(kAWhile));
    EXPECT_EQ(issued(lab), 0);
    EXPECT_TRUE(still_runs(*equal));
    demand->finish();
  }
  const auto lower = lab.hold(at_priority(-10));
  const auto demand = lab.ask(at_priority(-5));
  EXPECT_TRUE(evicted(*lower));
  EXPECT_EQ(demand->decision().status, 200);
}

TEST(FlowControlCheck, C36_LowestPriorityThenNewestFirst) {
  QueueLab lab(evicting(3, {-1, -2}));
  const auto old = lab.hold(at_priority(-1));
  const auto lower = lab.hold(at_priority(-2));
  const auto newer = lab.hold(at_priority(-2));
  const auto demand = lab.ask(at_priority(0));
  EXPECT_TRUE(evicted(*newer));
  EXPECT_EQ(demand->decision().status, 200);
  EXPECT_EQ(issued(lab), 1);
  EXPECT_TRUE(still_runs(*lower));
  EXPECT_TRUE(still_runs(*old));
}

}  // namespace
}  // namespace epp::conformance
