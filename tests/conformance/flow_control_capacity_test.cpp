// How many may wait.
#include "conformance/queue_lab.h"

#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

const std::string kFull = "inference error: ResourceExhausted - request rejected pre-queue: queue at capacity";

TEST(FlowControlCheck, C03_AFullBandRefuses) {
  QueueLab lab({.settings = "  priorityBands: [{priority: 0, maxRequests: \"1\"}]\n"});
  const auto held = lab.hold();
  const auto queued = lab.queue();
  EXPECT_TRUE(refused(lab.ask()->decision(), 429, "rejected-saturated", kFull));
  EXPECT_TRUE(lab.becomes("requests_total", {{"outcome", "RejectedCapacity"}, {"priority", "0"}}, 1));
}

TEST(FlowControlCheck, C04_AFullBandOfAnEmptyPoolSaysSo) {
  QueueLab lab({.settings = "  priorityBands: [{priority: 0, maxRequests: \"1\"}]\n", .endpoints = {}});
  const auto queued = lab.queue();
  EXPECT_TRUE(refused(lab.ask()->decision(), 503, "rejected-no-endpoints",
                      "inference error: ServiceUnavailable - no endpoints available: request rejected pre-queue: no "
                      "endpoints available"));
  EXPECT_TRUE(lab.becomes("requests_total", {{"outcome", "RejectedNoEndpoints"}}, 1));
}

TEST(FlowControlCheck, C12_GlobalRequests) {
  QueueLab lab({.settings = "  maxRequests: \"3\"\n  priorityBands: [{priority: 0, maxRequests: \"10\"}]\n"});
  const auto held = lab.hold();
  const auto first = lab.queue();
  const auto second = lab.queue();
  const auto third = lab.queue();
  EXPECT_TRUE(refused(lab.ask()->decision(), 429, "rejected-saturated", kFull));
}

TEST(FlowControlCheck, C13_GlobalBytes) {
  QueueLab lab({.settings = "  maxBytes: \"1000\"\n"});
  const auto held = lab.hold();
  const auto first = lab.queue(of_bytes(300));
  const auto second = lab.queue(of_bytes(300));
  const auto third = lab.queue(of_bytes(300));
  EXPECT_TRUE(refused(lab.ask(of_bytes(300))->decision(), 429, "rejected-saturated", kFull));
  const auto exact = lab.queue(of_bytes(100));
  EXPECT_EQ(lab.metric("queue_bytes"), 1000);
  EXPECT_TRUE(refused(lab.ask(of_bytes(40))->decision(), 429, "rejected-saturated", kFull));
}

TEST(FlowControlCheck, C14_ABodyLargerThanItsBand) {
  QueueLab lab({.settings = "  priorityBands: [{priority: 0, maxBytes: \"200\"}]\n"});
  EXPECT_TRUE(refused(lab.ask(of_bytes(201))->decision(), 429, "rejected-saturated", kFull));
  EXPECT_EQ(lab.ask(of_bytes(200))->decision().status, 200);
}

}  // namespace
}  // namespace epp::conformance
