// Who waits, who goes next.
#include "conformance/queue_lab.h"
#include "support/wait.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using Names = std::vector<std::string>;

Request with_slo(const std::string& ttft) {
  Request request;
  if (!ttft.empty()) request.headers = {{"x-llm-d-slo-ttft-ms", ttft}};
  return request;
}

std::string band_zero(const std::string& policy) {
  return "  priorityBands: [{priority: 0, " + policy + "}]\n";
}

TEST(FlowControlCheck, C01_AnIdlePoolServesAtOnce) {
  const QueueLab lab;
  const auto first = lab.hold();
  EXPECT_TRUE(
      lab.becomes("requests_total", {{"outcome", "Dispatched"}, {"priority", "0"}, {"inference_pool", "p"}}, 1));
  first->finish();
  milliseconds quickest = seconds(1);
  for (int i = 0; i < 10; ++i) {
    const auto request = lab.hold();
    quickest = std::min(quickest, request->waited());
    request->finish();
  }
  EXPECT_LT(quickest.count(), 20);
}

TEST(FlowControlCheck, C02_ASecondRequestWaitsForTheFirst) {
  QueueLab lab;
  const auto held = lab.hold();
  const auto second = lab.queue();
  EXPECT_FALSE(second->decided_within(seconds(1)));
  held->finish();
  // A few milliseconds are meant; the machine may be busy.
  EXPECT_TRUE(second->decided_within(seconds(1)));
  EXPECT_EQ(second->decision().status, 200);
}

TEST(FlowControlCheck, C15_HighPriorityGoesFirst) {
  QueueLab lab({.priorities = {10}});
  EXPECT_THAT(lab.order_of_service({{"low", at_priority(0)}, {"high", at_priority(10)}}), ElementsAre("high", "low"));
}

// Each of four clients asks again as soon as it has been served, so a request of high priority always waits.
TEST(FlowControlCheck, C16_NoLowRequestIsServedWhileAHighOneWaits) {
  constexpr int kLow = 50;
  constexpr int kClients = 4;
  constexpr int kRequests = 10;
  QueueLab lab({.priorities = {10}});
  std::mutex mutex;
  Names order;
  const auto serve_as = [&](const char* name) {
    return [&, name](Pending& pending) {
      {
        const std::lock_guard lock(mutex);
        order.emplace_back(name);
      }
      pending.finish();
    };
  };
  const auto held = lab.hold(at_priority(10));
  std::vector<std::unique_ptr<Pending>> low;
  for (int i = 0; i < kLow; ++i)
    low.push_back(lab.ask(at_priority(0), serve_as("low")));
  ASSERT_TRUE(lab.becomes("queue_size", {{"priority", "0"}}, kLow));
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&] {
      for (int i = 0; i < kRequests; ++i)
        lab.ask(at_priority(10), serve_as("high"))->decision();
    });
  }
  EXPECT_TRUE(lab.becomes("queue_size", {{"priority", "10"}}, kClients));
  held->finish();
  for (std::thread& client : clients)
    client.join();
  for (const auto& request : low)
    request->decision();
  low.clear();  // Joins, so that the list is complete.
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kLow + kClients * kRequests));
  const auto first_low = std::find(order.begin(), order.end(), "low");
  // The clients end one after the other; as long as two are left, one of them waits.
  EXPECT_GE(first_low - order.begin(), (kClients - 1) * kRequests);
}

const std::vector<std::pair<std::string, Request>> kThreeTenants = [] {
  std::vector<std::pair<std::string, Request>> requests;
  for (const char* tenant : {"a", "a", "a", "b", "b", "b", "c", "c", "c"})
    requests.emplace_back(tenant, at_priority(0, tenant));
  return requests;
}();

TEST(FlowControlCheck, C17_RoundRobinTakesTurns) {
  QueueLab lab({.plugins = "- {type: round-robin-fairness-policy}\n",
                .settings = band_zero("fairnessPolicyRef: round-robin-fairness-policy")});
  EXPECT_THAT(lab.order_of_service(kThreeTenants), ElementsAre("a", "b", "c", "a", "b", "c", "a", "b", "c"));
}

TEST(FlowControlCheck, C18_GlobalStrictKeepsTheOrderOfArrival) {
  QueueLab lab({.settings = band_zero("fairnessPolicyRef: global-strict-fairness-policy")});
  EXPECT_THAT(lab.order_of_service(kThreeTenants), ElementsAre("a", "a", "a", "b", "b", "b", "c", "c", "c"));
}

TEST(FlowControlCheck, C21_EarliestFirstTokenGoesFirst) {
  QueueLab lab({.plugins = "- {type: slo-deadline-ordering-policy}\n",
                .settings = band_zero("orderingPolicyRef: slo-deadline-ordering-policy")});
  Names order = lab.order_of_service({{"word", with_slo("abc")},
                                      {"negative", with_slo("-5")},
                                      {"10000", with_slo("10000")},
                                      {"huge", with_slo("9223372036854775807")},
                                      {"500", with_slo("500")},
                                      {"none", with_slo("")},
                                      {"2000", with_slo("2000")}});
  EXPECT_THAT(order, ElementsAre("500", "2000", "10000", "word", "negative", "huge", "none"));
}

}  // namespace
}  // namespace epp::conformance
