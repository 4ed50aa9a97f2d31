// Plugins that do not return: who was in their hands waits, everybody else goes on.
#include "hostile/victim.h"
#include "support/http_client.h"
#include "support/proc.h"
#include "support/wait.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::hostile {
namespace {

using namespace std::chrono_literals;
using conformance::Exchange;
using conformance::Request;
using testing::Clock;
using ::testing::HasSubstr;
using testing::wait_until;

Request hanging_for(std::chrono::milliseconds time) {
  Request request;
  request.headers = {{"x-hang", std::to_string(time.count())}};
  return request;
}

// The durations of requests, all answered, until `enough`.
template <typename Enough>
std::vector<Clock::duration> ask_until(const Victim& victim, Enough enough) {
  std::vector<Clock::duration> took;
  for (auto begin = Clock::now(); !enough(took.size()); begin = Clock::now()) {
    EXPECT_TRUE(victim.serves());
    took.push_back(Clock::now() - begin);
  }
  std::sort(took.begin(), took.end());
  return took;
}

double p99_ms(const std::vector<Clock::duration>& sorted) {
  const auto at = std::min(sorted.size() - 1, sorted.size() * 99 / 100);
  return std::chrono::duration<double, std::milli>(sorted[at]).count();
}

bool returned(const Victim& victim) {
  return wait_until([&] {
    return victim.epp().process().output().find("Plugin call returned") != std::string::npos && !victim.suspended();
  });
}

TEST(HangingPlugin, OthersGoOnWhileCallsHang) {
  const Victim victim("hanging-scorer", {.stage = "scorer"});
  const auto before = ask_until(victim, [](std::size_t count) { return count == 200; });
  const std::chrono::milliseconds hang = testing::long_tests() ? 10s : 1500ms;
  const auto begin = Clock::now();
  std::vector<Exchange> hung;
  for (int i = 0; i < 8; ++i)  // more than there are polling threads
    hung.push_back(victim.client().begin(hanging_for(hang), hang + testing::kPatience));
  victim.expect_named("Scorer", "hung");
  // All on the same connection, hence on the same queue.
  const auto during = ask_until(victim, [&](std::size_t) { return Clock::now() - begin > hang * 2 / 3; });
  std::cout << "p99 of others: " << p99_ms(before) << " ms before, " << p99_ms(during) << " ms while calls hang ("
            << during.size() << " requests)\n";
  EXPECT_GT(during.size(), 10u);
  EXPECT_LT(during.back(), hang / 4) << "waited for a call that hangs";
  EXPECT_TRUE(victim.suspended());
  for (Exchange& exchange : hung) {
    exchange.await_decision();
    EXPECT_TRUE(Victim::served(exchange.decision()));
  }
  // Once they are back the plugin is asked again.
  EXPECT_TRUE(returned(victim));
}

TEST(HangingPlugin, ThirdHangEndsInABypass) {
  const Victim victim("hanging-scorer", {.stage = "scorer"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(victim.serves(hanging_for(150ms)));
    EXPECT_TRUE(wait_until([&] { return !victim.suspended() || i == 2; }));
  }
  victim.expect_named("Scorer", "hung");
  EXPECT_EQ(victim.faults("Scorer", "hung"), 3);
  EXPECT_TRUE(wait_until([&] { return victim.faults("Scorer", "bypassed") == 1; }));
  EXPECT_THAT(victim.epp().process().output(), HasSubstr("Plugin bypassed after repeated faults"));
  const auto begin = Clock::now();
  EXPECT_TRUE(victim.serves(hanging_for(5s)));
  EXPECT_LT(Clock::now() - begin, 4s) << "it was called";
  EXPECT_TRUE(wait_until([&] { return victim.passed_over("Scorer") == 1; }));
}

TEST(HangingPlugin, BudgetOfItsOwnIsKept) {
  const Victim patient("hanging-scorer", {.stage = "scorer", .fields = R"(, "callBudget": "10s")"});
  EXPECT_TRUE(patient.serves(hanging_for(300ms)));
  const Victim impatient(
      "hanging-scorer",
      {.stage = "scorer", .fields = R"(, "callBudget": "100ms")", .flags = {"--plugin-call-budget=10s"}});
  EXPECT_TRUE(impatient.serves(hanging_for(300ms)));
  impatient.expect_named("Scorer", "hung");
  EXPECT_EQ(patient.faults("Scorer", "hung"), 0);
}

TEST(HangingPlugin, ProducerIsNamed) {
  const Victim victim("hanging-producer");
  Exchange slow = victim.client().begin(hanging_for(500ms), testing::kPatience);
  victim.expect_named("DataProducer", "hung");
  EXPECT_TRUE(victim.serves());
  slow.await_decision();
  EXPECT_TRUE(Victim::served(slow.decision()));
  EXPECT_TRUE(returned(victim));
}

TEST(HangingPlugin, PreRequestIsNamed) {
  const Victim victim("hanging-pre-request");
  Exchange slow = victim.client().begin(hanging_for(500ms), testing::kPatience);
  victim.expect_named("PreRequest", "hung");
  EXPECT_TRUE(victim.serves());
  slow.await_decision();
  EXPECT_TRUE(Victim::served(slow.decision()));
  EXPECT_TRUE(returned(victim));
}

TEST(HangingPlugin, TimerIsNamedAndKeepsNobody) {
  const Victim victim("hanging-timer");
  victim.hang();
  victim.expect_named("Timer", "hung");
  EXPECT_TRUE(victim.serves());
  victim.let_go();
  EXPECT_TRUE(returned(victim));
}

class HangingQueue : public ::testing::TestWithParam<std::vector<std::string>> {};

// The one whose thread asks the policy waits. The others pass the queue by, metrics and pages are there, and requests
// that end meanwhile do.
TEST_P(HangingQueue, IsPassedBy) {
  const auto& type = GetParam()[0];
  const auto& stage = GetParam()[1];
  const auto& point = GetParam()[2];
  const Victim victim(type, {.stage = stage});
  Exchange running = victim.client().open();
  ASSERT_TRUE(Victim::served(running.decision()));
  victim.hang();
  Exchange caught = victim.client().begin({}, testing::kPatience);
  victim.epp().process().wait_for_line("Plugin call hangs");  // before anybody else asks the policy
  victim.expect_named(point, "hung");
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(victim.serves());
  EXPECT_TRUE(wait_until([&] { return victim.passed_over(point) >= 20; }));
  EXPECT_THAT(testing::http_get(victim.epp().metrics_port(), "/debug/flowcontrol").body, HasSubstr("does not answer"));
  running.response_headers({{":status", "200"}});
  running.finish_response("{}");
  EXPECT_EQ(running.finish(), 0);
  victim.let_go();
  caught.await_decision();
  EXPECT_TRUE(Victim::served(caught.decision()));
  EXPECT_TRUE(returned(victim));
  EXPECT_TRUE(victim.serves());
}

INSTANTIATE_TEST_SUITE_P(Policies, HangingQueue,
                         ::testing::Values(std::vector<std::string>{"hanging-detector", "detector",
                                                                    "SaturationDetector"},
                                           std::vector<std::string>{"hanging-fairness", "fairness", "Fairness"}),
                         [](const auto& tested) { return tested.param[1]; });

std::size_t mapped(const Victim& victim) {
  return testing::mapped_files(victim.epp().process().pid(), "memfd:hanging.so");
}

// The call returns into code that only it still needs.
TEST(HangingPlugin, CallReturnsAfterItsPluginWasRemoved) {
  const Victim victim("hanging-scorer", {.stage = "scorer"});
  Exchange slow = victim.client().begin(hanging_for(1s), testing::kPatience);
  victim.expect_named("Scorer", "hung");
  victim.remove();
  EXPECT_TRUE(victim.serves());
  EXPECT_EQ(mapped(victim), 1u);
  slow.await_decision();
  EXPECT_TRUE(Victim::served(slow.decision()));
  slow.finish();
  EXPECT_TRUE(wait_until([&] { return mapped(victim) == 0; }));
  EXPECT_TRUE(victim.serves());
}

TEST(HangingPlugin, StopWaitsForTheCallAndAnswersIt) {
  const Victim victim("hanging-scorer", {.stage = "scorer", .flags = {"--drain-timeout=3s"}});
  Exchange slow = victim.client().begin(hanging_for(1s), testing::kPatience);
  victim.expect_named("Scorer", "hung");
  victim.epp().process().signal(SIGTERM);
  slow.await_decision();
  EXPECT_TRUE(Victim::served(slow.decision()));
  slow.finish();
  EXPECT_EQ(victim.epp().process().wait(), 0);
}

TEST(HangingPlugin, StopDoesNotWaitForEver) {
  const Victim victim("hanging-scorer", {.stage = "scorer", .flags = {"--drain-timeout=100ms"}});
  Exchange slow = victim.client().begin(hanging_for(60s), testing::kPatience);
  victim.expect_named("Scorer", "hung");
  victim.epp().process().signal(SIGTERM);
  EXPECT_EQ(victim.epp().process().wait(), 1);
  EXPECT_THAT(victim.epp().process().output(), HasSubstr("Ending without having stopped"));
}

}  // namespace
}  // namespace epp::hostile
