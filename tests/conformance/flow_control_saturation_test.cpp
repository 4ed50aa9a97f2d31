// When the gate is open: detectors, stages and usage limits.
#include "conformance/engine.h"
#include "conformance/queue_lab.h"
#include "support/wait.h"

#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Pendings = std::vector<std::unique_ptr<Pending>>;

const testing::Labels kEffective{{"stage", "effective"}, {"inference_pool", "p"}};
// Long enough for many scrapes and dispatches.
constexpr milliseconds kAWhile{500};

testing::PoolEndpoint pod(const std::string& name, const Engine& engine, const std::string& role = {}) {
  testing::PoolEndpoint endpoint{.name = name, .port = engine.port()};
  if (!role.empty()) endpoint.labels["llm-d.ai/role"] = role;
  return endpoint;
}

QueueOptions utilization(std::vector<testing::PoolEndpoint> endpoints, const std::string& settings = {}) {
  return {.settings = settings, .detector = "utilization-detector", .endpoints = std::move(endpoints)};
}

TEST(FlowControlCheck, C22_UtilizationOfOnePod) {
  Engine engine(vllm_page(5));
  QueueLab lab(utilization({pod("a", engine)}));
  ASSERT_TRUE(has_queues(lab.epp(), {{"a", 5}}));
  const auto queued = lab.queue();
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 1));
  EXPECT_FALSE(queued->decided_within(kAWhile));
  engine.serve(vllm_page(4, 0, 0.1));
  EXPECT_EQ(queued->decision().status, 200);
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 0.8));
}

TEST(FlowControlCheck, C23_UtilizationIsAMeanAndStalePodsAreFull) {
  const Engine first(vllm_page(2, 0, 0.4));
  Engine second(vllm_page(0, 0, 0.9));
  const QueueLab lab(utilization({pod("a", first), pod("b", second)}));
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 0.8125));
  EXPECT_TRUE(lab.becomes("stale_endpoints", {{"detector", "utilization-detector"}}, 0));
  second.serve("", 500);
  EXPECT_TRUE(lab.becomes("stale_endpoints", {{"detector", "utilization-detector"}}, 1));
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 0.75));
}

TEST(FlowControlCheck, C24_AStalePoolIsFull) {
  Engine engine(vllm_page(0));
  QueueLab lab(utilization({pod("a", engine)}, "  defaultRequestTTL: 1s\n"));
  EXPECT_EQ(lab.ask()->decision().status, 200);
  engine.serve("", 500);
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 1));
  const auto queued = lab.queue();
  EXPECT_TRUE(refused(queued->decision(), 429, "rejected-ttl-expired",
                      "inference error: ResourceExhausted - request timed out in queue: request evicted from queue: "
                      "request TTL expired"));
}

TEST(FlowControlCheck, C25_TheFullestStageCounts) {
  const Engine prefill(vllm_page(10));
  const Engine decode(vllm_page(1));
  QueueLab lab(utilization({pod("a", prefill, "prefill"), pod("b", decode, "decode")}));
  ASSERT_TRUE(has_queues(lab.epp(), {{"a", 10}, {"b", 1}}));
  const auto queued = lab.queue();
  EXPECT_TRUE(lab.becomes("pool_saturation", {{"stage", "prefill"}}, 2));
  EXPECT_TRUE(lab.becomes("pool_saturation", {{"stage", "decode"}}, 0.2));
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 2));
  EXPECT_FALSE(queued->decided_within(kAWhile));
  lab.set_endpoints({pod("b", decode, "decode")});
  EXPECT_EQ(queued->decision().status, 200);
  EXPECT_TRUE(lab.becomes("pool_saturation", {{"stage", "prefill"}}, std::nullopt));
  EXPECT_TRUE(lab.becomes("pool_saturation", kEffective, 0.2));
}

void hold(const QueueLab& lab, Pendings& held, int count, int priority = 0) {
  for (int i = 0; i < count; ++i)
    held.push_back(lab.hold(at_priority(priority)));
}

TEST(FlowControlCheck, C26_AStaticThreshold) {
  QueueLab lab(
      {.max_concurrency = 10, .plugins = "- {type: static-usage-limit-policy, parameters: {threshold: 0.5}}\n"});
  Pendings held;
  hold(lab, held, 5);
  const auto sixth = lab.queue();
  EXPECT_FALSE(sixth->decided_within(kAWhile));
  held.back()->finish();
  EXPECT_EQ(sixth->decision().status, 200);
}

TEST(FlowControlCheck, C27_HoldbackByPriority) {
  QueueLab lab({.max_concurrency = 10,
                .plugins = "- {type: priority-holdback-policy, parameters: {minCeiling: 0.4, maxCeiling: 0.9}}\n",
                .settings = "  usageLimitPolicyPluginRef: priority-holdback-policy\n"
                            "  priorityBands: [{priority: 100}, {priority: -10}]\n",
                .priorities = {100, -10},
                .flags = {"--allow-experimental-plugins"}});
  Pendings held;
  hold(lab, held, 4, 100);
  const auto lowest = lab.queue(at_priority(-10));
  hold(lab, held, 1, 0);
  hold(lab, held, 2, 100);
  const auto middle = lab.queue(at_priority(0));
  hold(lab, held, 2, 100);
  const auto highest = lab.queue(at_priority(100));
  EXPECT_FALSE(lowest->decided_within(kAWhile));
  EXPECT_FALSE(middle->decided_within({}));
  EXPECT_FALSE(highest->decided_within({}));
  // As places become free, each goes as soon as its own ceiling allows.
  held.pop_back();
  EXPECT_EQ(highest->decision().status, 200);
  EXPECT_FALSE(middle->decided_within({}));
  held.resize(5);
  EXPECT_EQ(middle->decision().status, 200);
  EXPECT_FALSE(lowest->decided_within({}));
  held.clear();
  EXPECT_EQ(lowest->decision().status, 200);
}

// The readings are constant, and the queue is long enough for a new dispatch to change them by almost nothing.
TEST(FlowControlCheck, C29_ASoftCeilingOpensEveryThirdCycle) {
  constexpr int kRequests = 60;
  const Engine engine(vllm_page(3'000'000));
  QueueOptions options = utilization({pod("a", engine)},
                                     "  usageLimitPolicyPluginRef: soft-reflective-ceiling-policy\n"
                                     "  priorityBands: [{priority: 10}]\n");
  options.plugins =
      "- {type: soft-reflective-ceiling-policy}\n"
      "- {type: utilization-detector, parameters: {queueDepthThreshold: 4000000, metricsStalenessThreshold: 10s}}\n";
  options.flags = {"--allow-experimental-plugins"};
  options.priorities = {10};
  const QueueLab lab(options);
  ASSERT_TRUE(has_queues(lab.epp(), {{"a", 3e6}}));
  const double before = lab.metric("dispatch_cycle_duration_seconds_count").value_or(0);
  Pendings requests;
  for (int i = 0; i < kRequests; ++i)
    requests.push_back(lab.ask(at_priority(0)));
  for (const auto& request : requests)
    EXPECT_EQ(request->decision().status, 200);
  const double cycles = lab.metric("dispatch_cycle_duration_seconds_count").value_or(0) - before;
  EXPECT_NEAR(kRequests / cycles, 1.0 / 3, 0.1) << cycles << " cycles";
}

}  // namespace
}  // namespace epp::conformance
