// What a request holds while it runs: its ticket, told of the schedule and of the usage, and given back at the right
// moment; and its place among those that could be evicted.
#include "objectives/objective_table.h"
#include "unit/lifecycle/gate.h"
#include "unit/lifecycle/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kAnswer = R"({"model":"m","usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}})";

struct Account : ::testing::Test {
  Account() {
    gate->pass = true;
    world.admission = gate;
    auto hooks = world.plugin("hooks");
    hooks->on_pre_request = [this](TestPlugin::Context&, const epp_profile_results&, epp_error*) {
      gate->account.emplace_back("counted");
      return epp_status{fail_pre_request ? EPP_ERR_UNAVAILABLE : EPP_OK};
    };
    hooks->on_response_body = [](TestPlugin::Context&, const epp_response&, std::string_view, bool) {};
    hooks->on_response_complete = [this](const epp_response&, std::uint32_t) {
      gate->account.emplace_back("uncounted");
    };
  }

  void start(HeaderList headers = {}, std::string body = kCompletion) {
    world.rebuild();
    exchange = std::make_unique<Exchange>(world);
    exchange->feed(request_headers(std::move(headers)));
    exchange->feed(request_body(std::move(body), true));
  }

  World world;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  bool fail_pre_request = false;
  std::unique_ptr<Exchange> exchange;
};

TEST_F(Account, IsSettledByUsageAndClosedWithTheResponse) {
  start();
  EXPECT_THAT(gate->account, ElementsAre("counted", "scheduled 0"));
  exchange->feed(response_headers({{":status", "200"}}));
  EXPECT_EQ(gate->withdrawn, 0);
  exchange->feed(response_body(kAnswer, true));
  EXPECT_THAT(gate->account, ElementsAre("counted", "scheduled 0", "uncounted", "settled 7", "ended"))
      << "before the stream ends, and after the hooks took it off the live counters";
  exchange->stream.on_done(false);
  EXPECT_EQ(gate->withdrawn, 1);
}

TEST_F(Account, WithoutUsageTheEstimateStands) {
  start();
  exchange->stream.on_done(true);
  EXPECT_THAT(gate->account, ElementsAre("counted", "scheduled 0", "uncounted", "ended"));
}

TEST_F(Account, ARequestThatFailsAfterItsAdmissionGivesTheShareBack) {
  world.set_endpoints({});
  start();
  EXPECT_EQ(exchange->outbox.take_script(), "imm503 end");
  EXPECT_THAT(gate->account, ElementsAre("ended"));
}

TEST_F(Account, OneThatFailsOnceCountedGivesItBackAfterItWasUncounted) {
  fail_pre_request = true;
  start();
  EXPECT_EQ(exchange->outbox.take_script(), "imm503 end");
  EXPECT_THAT(gate->account, ElementsAre("counted"));
  exchange->stream.on_done(false);
  EXPECT_THAT(gate->account, ElementsAre("counted", "uncounted", "ended"));
}

TEST_F(Account, TheFirstResponseByteMayFreeLoad) {
  start();
  exchange->feed(response_headers({{"content-type", "text/event-stream"}}));
  EXPECT_EQ(gate->changes, 0);
  exchange->feed(response_body("data: {}\n\n", false));
  exchange->feed(response_body("data: {}\n\n", false));
  EXPECT_EQ(gate->changes, 1);
}

TEST_F(Account, TheEstimateIsOfBodyAndLimit) {
  start({}, R"({"model":"m","prompt":"0123456789","max_tokens":50})");
  EXPECT_EQ(gate->cost, 12 + 50);
  EXPECT_EQ(estimated_tokens(0, -1), 1);
  EXPECT_EQ(estimated_tokens(400, -1), 100);
  EXPECT_EQ(estimated_tokens(0, INT64_MAX), 131072) << "a client's number must not close the gate for others";
}

TEST_F(Account, TheWeightIsTheObjectives) {
  objectives::ObjectiveTable objectives;
  objectives.replace({{"gold", {.priority = 3, .weight = 4.5}}});
  world.services.objectives = &objectives;
  start({{"x-llm-d-inference-objective", "gold"}});
  EXPECT_EQ(gate->weight, 4.5);
  start();
  EXPECT_EQ(gate->weight, 1);
  EXPECT_EQ(gate->ttl_ns, 0u);
}

struct Running final : InFlight {
  void track(const epp_running_request& request, std::shared_ptr<flowcontrol::Evictable> evictable) override {
    priority = request.priority;
    cost = request.cost;
    host_port.assign(request.host_port.data, request.host_port.size);
    signal = std::move(evictable);
  }
  void progressed(std::uint64_t, std::uint64_t chunks) override { progress.push_back(chunks); }
  void untrack(std::uint64_t) override { ++untracked; }

  std::int32_t priority = 0;
  std::int64_t cost = 0;
  std::string host_port;
  std::shared_ptr<flowcontrol::Evictable> signal;
  std::vector<std::uint64_t> progress;
  int untracked = 0;
};

TEST_F(Account, EvictionSeesFootprintAndProgress) {
  auto running = std::make_shared<Running>();
  world.in_flight = running;
  start();
  EXPECT_EQ(running->host_port, "192.168.1.1:8000");
  EXPECT_EQ(running->cost, estimated_tokens(std::string_view(kCompletion).size(), -1));
  exchange->feed(response_headers({{"content-type", "text/event-stream"}}));
  for (int i = 0; i < 9; ++i)
    exchange->feed(response_body("data: {}\n\n", false));
  EXPECT_THAT(running->progress, ElementsAre(1, 2, 4, 8));
  EXPECT_EQ(running->untracked, 0);
  exchange->feed(response_body("", true));
  EXPECT_EQ(running->untracked, 1) << "it ended by itself";
  running->signal->evict("evicted");
  exchange->stream.on_wake();
  exchange->stream.on_done(false);
  EXPECT_EQ(running->untracked, 1);
  EXPECT_EQ(world.metric("llm_d_epp_request_error_total"), 0) << "too late to be evicted";
}

// Upstream does not count evictions as errors, nor takes the request off its account before the stream has gone.
TEST_F(Account, AnEvictionAfterResponseBytesEndsTheStreamAndIsCounted) {
  auto running = std::make_shared<Running>();
  world.in_flight = running;
  start();
  exchange->feed(response_headers({{"content-type", "text/event-stream"}}));
  exchange->feed(response_body("data: {}\n\n", false));
  exchange->outbox.take_script();
  running->signal->evict("evicted");
  exchange->stream.on_wake();
  EXPECT_EQ(exchange->outbox.take_script(), "imm429 end");
  EXPECT_EQ(gate->withdrawn, 0) << "the model server still works for it";
  exchange->stream.on_done(false);
  EXPECT_EQ(gate->withdrawn, 1);
  EXPECT_EQ(running->untracked, 1);
  EXPECT_EQ(world.metric(R"(llm_d_epp_request_error_total{error_code="ResourceExhausted"})"), 1);
}

TEST(FlowControlWeakSpot, W30_AHalfCloseWithdrawsAQueuedRequestAtOnce) {
  World world;
  auto gate = std::make_shared<Gate>();
  world.admission = gate;
  world.rebuild();
  Exchange exchange(world);
  exchange.feed(request_headers());
  exchange.feed(request_body(kCompletion, true));
  ASSERT_TRUE(exchange.stream.busy());
  exchange.stream.on_half_close();
  EXPECT_THAT(gate->account, ElementsAre("ended"));
  EXPECT_EQ(exchange.outbox.take_script(), "imm503 end");
  EXPECT_EQ(exchange.outbox.sent[0].body,
            "inference error: ServiceUnavailable - client disconnected: request evicted from queue: request context "
            "cancelled: context canceled");
  EXPECT_EQ(exchange.outbox.sent[0].header("x-llm-d-request-dropped-reason"), "rejected-context-cancelled");
  gate->open(std::nullopt);
  exchange.stream.on_wake();
  EXPECT_THAT(exchange.outbox.take_script(), IsEmpty());
}

TEST(FlowControlWeakSpot, W05_AdmitterDenialsMayKeepTheirType) {
  World world;
  world.plugin("admitter")->on_admit = [](TestPlugin::Context&, epp_error* error) {
    fail_with(error, "too full");
    return epp_status{EPP_ERR_RESOURCE_EXHAUSTED};
  };
  world.rebuild();
  const auto ask = [&] {
    Exchange exchange(world);
    exchange.feed(request_headers());
    exchange.feed(request_body(kCompletion, true));
    return exchange.outbox.sent.at(0);
  };
  EXPECT_EQ(ask().status, 500) << "upstream's answer is the default";
  world.typed_admitter_denials = true;
  world.rebuild();
  EXPECT_EQ(ask().status, 429);
  EXPECT_EQ(ask().body, "inference error: ResourceExhausted - too full");
  EXPECT_EQ(ask().header("x-llm-d-request-dropped-reason"), "rejected-saturated");
}

}  // namespace
}  // namespace epp::lifecycle::testing
