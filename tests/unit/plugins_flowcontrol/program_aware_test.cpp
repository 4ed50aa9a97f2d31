// program-aware fairness ("las").
#include "unit/plugins_flowcontrol/band_stage.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::BandStage;
using epp::testing::PluginHarness;
using epp::testing::TestRequest;
using epp::testing::TestResponse;
using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr const char* kType = "program-aware-fairness";
constexpr const char* kJain = "llm_d_epp_program_aware_jains_fairness_index";
constexpr const char* kWait = "llm_d_epp_program_aware_avg_wait_time_milliseconds";
constexpr const char* kService = "llm_d_epp_program_aware_attained_service_tokens";

class ProgramAware : public ::testing::Test {
 protected:
  ProgramAware() {
    host.load(kType);
    host.endpoint("e");
  }
  void make(const std::string& parameters = "{}") { policy = host.create(kType, parameters); }

  TestRequest start(const std::string& id) {
    TestRequest request = host.request();
    request.fairness_id(id).result("default", {"e"});
    EXPECT_TRUE(host.pre_request(policy, request).ok());
    return request;
  }
  void finish(TestRequest& request, uint64_t prompt, uint64_t completion, std::optional<uint64_t> cached = {}) {
    TestResponse response;
    epp_usage usage{};
    usage.size = sizeof usage;
    usage.prompt_tokens = prompt;
    usage.completion_tokens = completion;
    usage.has_cached = cached ? 1 : 0;
    usage.cached_tokens = cached.value_or(0);
    response.usage = usage;
    host.response_complete(policy, request, EPP_END_NATURAL, response);
  }
  void serve(const std::string& id, uint64_t prompt, uint64_t completion = 0) {
    TestRequest request = start(id);
    finish(request, prompt, completion);
  }
  std::optional<double> service(const std::string& id) const { return host.metric(kService, {id}); }

  PluginHarness host;
  epp::plugins::InstancePtr policy;
};

TEST_F(ProgramAware, LittleServiceBeatsALongWait) {
  make();
  BandStage band(host, policy);
  serve("A", 1000);
  serve("B", 200);
  band.enqueue("A");
  host.advance_ns(100'000'000);
  band.enqueue("B");
  EXPECT_EQ(band.dispatches(2), "BA");
}

TEST_F(ProgramAware, EqualServiceGoesToTheLongerWait) {
  make();
  BandStage band(host, policy);
  band.enqueue("late-alphabet");
  host.advance_ns(450'000'000);
  band.enqueue("early");
  host.advance_ns(50'000'000);
  EXPECT_EQ(band.dispatch(), "late-alphabet");
  EXPECT_EQ(band.dispatch(), "early");
}

TEST_F(ProgramAware, WeightsDecide) {
  make(R"({"lasWeightService": 0.2, "lasWeightHeadWait": 0.8})");
  BandStage band(host, policy);
  serve("A", 1000);
  serve("B", 200);
  band.enqueue("A");
  host.advance_ns(100'000'000);
  band.enqueue("B");
  EXPECT_EQ(band.dispatches(2), "AB");
}

TEST_F(ProgramAware, ServiceFades) {
  make();
  serve("p", 100, 50);
  EXPECT_THAT(service("p"), Optional(DoubleNear(200, 1e-9)));
  host.advance_seconds(60);
  serve("p", 10);
  EXPECT_THAT(service("p"), Optional(DoubleNear(110, 1e-9)));
  make(R"({"lasHalfLifeSeconds": 0})");
  serve("q", 100);
  host.advance_seconds(3000);
  serve("q", 10);
  EXPECT_THAT(service("q"), Optional(DoubleNear(110, 1e-9)));
}

TEST_F(ProgramAware, WaitsAndJainsIndex) {
  make();
  BandStage band(host, policy);
  EXPECT_EQ(host.metric(kJain), 1);
  band.enqueue("slow");
  host.advance_ns(990'000'000);
  band.enqueue("quick");
  host.advance_ns(10'900'000);  // whole milliseconds count
  (void)band.dispatches(2);
  EXPECT_EQ(host.metric(kWait, {"slow"}), 1000);
  EXPECT_EQ(host.metric(kWait, {"quick"}), 10);
  EXPECT_THAT(host.metric(kJain), Optional(DoubleNear(0.50999, 1e-5)));
  band.enqueue("quick");
  host.advance_ns(30'000'000);
  (void)band.dispatch();
  EXPECT_EQ(host.metric(kWait, {"quick"}), 20);
}

TEST_F(ProgramAware, StateDump) {
  make();
  TestRequest first = start("a");
  TestRequest second = start("");
  EXPECT_THAT(host.state(policy), HasSubstr(R"("totalPrograms":2,"totalInFlight":2,"fairnessIndex":1.0)"));
  finish(first, 1, 1);
  finish(second, 1, 1);
  EXPECT_THAT(host.state(policy), HasSubstr(R"("totalPrograms":2,"totalInFlight":0)"));
  EXPECT_TRUE(service("default-flow").has_value());
}

TEST_F(ProgramAware, IdleProgramsAreForgotten) {
  make(R"({"evictionTtlSeconds": 100, "evictionSweepSeconds": 10})");
  serve("gone", 5);
  TestRequest running = start("running");
  BandStage band(host, policy);
  band.enqueue("queued");
  host.advance_seconds(105);
  EXPECT_TRUE(service("gone").has_value());
  host.advance_seconds(10);
  EXPECT_FALSE(service("gone").has_value());
  EXPECT_THAT(host.state(policy), HasSubstr(R"("totalPrograms":2,"totalInFlight":1)"));
  EXPECT_EQ(band.dispatch(), "queued");
  band.forget("queued");
  finish(running, 1, 1);
  host.advance_seconds(120);
  EXPECT_THAT(host.state(policy), HasSubstr(R"("totalPrograms":0,"totalInFlight":0,"fairnessIndex":1.0)"));
}

TEST_F(ProgramAware, NoSweepWithATtlOf0) {
  make(R"({"evictionTtlSeconds": 0})");
  EXPECT_EQ(host.timers(), 0u);
}

// Weak spot 9: series for whatever ids clients invent.
TEST_F(ProgramAware, W09_SeriesAreBounded) {
  make();
  for (int i = 0; i < 1100; ++i)
    serve("p" + std::to_string(i), 1);
  EXPECT_TRUE(service("p999").has_value());
  EXPECT_FALSE(service("p1000").has_value());
}

// Weak spot 11: a burst is free until its first request completes, a request without usage for ever, and cached tokens
// cost what others do.
TEST_F(ProgramAware, W11_ChargeAtDispatch) {
  for (const bool at_dispatch : {false, true}) {
    make(at_dispatch ? R"({"chargeAtDispatch": true, "lasHalfLifeSeconds": 0})" : "{}");
    BandStage band(host, policy);
    for (int i = 0; i < 4; ++i) {
      band.enqueue("burst", 1000);
      host.advance_ns(1'000'000);
    }
    for (int i = 0; i < 2; ++i) {
      band.enqueue("later", 1000);
      host.advance_ns(1'000'000);
    }
    EXPECT_EQ(band.dispatches(4), at_dispatch ? "burstlaterburstlater" : "burstburstburstburst");
    if (!at_dispatch) continue;
    // Usage 300 + 400 for an estimate of 1000: twice for completion tokens, all told.
    TestRequest request = start("later");
    band.settle("later", 700 - 1000);
    finish(request, 300, 400);
    EXPECT_THAT(service("later"), Optional(DoubleNear(1000 + 300 + 2 * 400, 1e-9)));
  }
}

TEST_F(ProgramAware, W11_PriceOfCachedTokens) {
  make(R"({"cachedTokenPrice": 0.25})");
  TestRequest request = start("p");
  finish(request, 1000, 10, 800);
  EXPECT_THAT(service("p"), Optional(DoubleNear(200 + 0.25 * 800 + 20, 1e-9)));
}

TEST_F(ProgramAware, ParametersThatAreRefused) {
  for (const char* bad : {R"({"strategy": "fifo"})", R"({"lasWeightService": -1})", R"({"lasWeightHeadWait": -1})",
                          R"({"lasHalfLifeSeconds": -1})", R"({"evictionTtlSeconds": -1})",
                          R"({"evictionSweepSeconds": 0})", R"({"cachedTokenPrice": 2})", R"({"other": 1})"})
    EXPECT_NE(host.create_error(kType, bad), "") << bad;
  EXPECT_EQ(host.create_error(kType, R"({"strategy": "las"})"), "");
}

}  // namespace
