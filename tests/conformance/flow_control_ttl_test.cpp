// How long a request may wait, and what ends the wait early.
#include "conformance/engine.h"
#include "conformance/queue_lab.h"
#include "support/wait.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Clock;

const std::string kExpired =
    "inference error: ResourceExhausted - request timed out in queue: request evicted from queue: request TTL expired";

TEST(FlowControlCheck, C05_TimeToLive) {
  QueueLab lab({.settings = "  defaultRequestTTL: 2s\n"});
  const auto held = lab.hold();
  const auto queued = lab.queue();
  EXPECT_TRUE(refused(queued->decision(), 429, "rejected-ttl-expired", kExpired));
  EXPECT_GE(queued->waited(), seconds(2));
  EXPECT_LE(queued->waited(), milliseconds(3100));
  EXPECT_TRUE(lab.becomes("requests_total", {{"outcome", "EvictedTTL"}}, 1));
}

const QueueOptions kEmptyPool{.settings = "  defaultRequestTTL: 1s\n  noEndpointRequestTTL: 4s\n", .endpoints = {}};

TEST(FlowControlCheck, C06_AnEmptyPoolHasItsOwnTimeToLive) {
  QueueLab lab(kEmptyPool);
  const auto queued = lab.queue();
  EXPECT_TRUE(refused(queued->decision(), 503, "rejected-no-endpoints",
                      "inference error: ServiceUnavailable - request timed out in queue and no endpoints are "
                      "available: request evicted from queue: request TTL expired: no endpoints available"));
  EXPECT_GE(queued->waited(), seconds(4));
  EXPECT_LE(queued->waited(), milliseconds(5100));
  EXPECT_TRUE(lab.becomes("requests_total", {{"outcome", "EvictedNoEndpoints"}}, 1));
}

TEST(FlowControlCheck, C07_AnEndpointThatAppearsServesWhatWaits) {
  QueueLab lab(kEmptyPool);
  const auto queued = lab.queue();
  EXPECT_FALSE(queued->decided_within(seconds(2)));
  lab.set_endpoints({{.name = "e1", .address = "127.1.0.1"}});
  EXPECT_EQ(queued->decision().status, 200);
  EXPECT_LT(queued->waited(), seconds(4));
}

TEST(FlowControlCheck, C08_ASaturatedEndpointThatAppearsGrantsItsOwnTime) {
  const Engine engine(vllm_page(100));
  QueueOptions options = kEmptyPool;
  options.detector = "utilization-detector";
  QueueLab lab(options);
  const auto queued = lab.queue();
  EXPECT_FALSE(queued->decided_within(seconds(2)));
  const auto appeared = Clock::now();
  lab.set_endpoints({{.name = "e1", .port = engine.port()}});
  EXPECT_TRUE(refused(queued->decision(), 429, "rejected-ttl-expired", kExpired));
  const auto left = Clock::now() - appeared;
  EXPECT_GE(left, seconds(1));
  EXPECT_LE(left, milliseconds(2100));
}

TEST(FlowControlCheck, C09_WithoutATimeToLiveARequestWaitsForEver) {
  QueueLab lab({.settings = "  defaultRequestTTL: 0s\n"});
  const auto held = lab.hold();
  const auto queued = lab.queue();
  EXPECT_FALSE(queued->decided_within(testing::long_tests() ? seconds(70) : seconds(5)));
  held->finish();
  EXPECT_EQ(queued->decision().status, 200);
}

TEST(FlowControlCheck, C10_ACancelledRequestLeavesAtOnce) {
  QueueLab lab({.settings = "  priorityBands: [{priority: 0, maxRequests: \"1\"}]\n"});
  const auto held = lab.hold();
  auto queued = lab.queue();
  EXPECT_EQ(lab.metric("capacity_utilization_requests", {{"priority", "0"}}), 1);
  const auto cancelled = Clock::now();
  queued->cancel();
  EXPECT_TRUE(lab.becomes("requests_total", {{"outcome", "EvictedContextCancelled"}}, 1));
  EXPECT_EQ(lab.queued(), 0);
  EXPECT_EQ(lab.metric("capacity_utilization_requests", {{"priority", "0"}}), 0);
  EXPECT_LT(Clock::now() - cancelled, seconds(1));
  lab.queue();  // Its place is free.
}

// Part one takes new streams for the drain timeout, part two gives open ones the same time to end.
TEST(FlowControlCheck, C11_TheQueueIsServedWhileDraining) {
  QueueLab lab({.flags = {"--drain-timeout=2s"}});
  auto& process = lab.epp().process();
  const auto held = lab.hold();
  const auto first = lab.queue();
  const auto second = lab.queue();
  process.signal(SIGTERM);
  const auto terminated = Clock::now();
  ASSERT_TRUE(testing::wait_until([&] { return !lab.epp().serving("readiness"); }));
  EXPECT_FALSE(first->decided_within({}));
  held->finish();
  EXPECT_EQ(first->decision().status, 200) << "the queue is served";

  EXPECT_TRUE(refused(second->decision(), 503, "rejected-shutting-down",
                      "inference error: ServiceUnavailable - flow controller shutting down: request evicted from "
                      "queue: flow controller is not running"));
  const auto refused_after = Clock::now() - terminated;
  EXPECT_GE(refused_after, seconds(2));
  EXPECT_LE(refused_after, seconds(5));
  first->finish();
  EXPECT_EQ(process.wait(), 0) << process.output();
}

}  // namespace
}  // namespace epp::conformance
