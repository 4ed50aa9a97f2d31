// Requests that wait: for admission, for an asynchronous producer, and what ends the waiting.
#include "unit/lifecycle/gate.h"
#include "unit/lifecycle/world.h"

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

struct Waiting : ::testing::Test {
  World world;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::unique_ptr<Exchange> exchange;

  void queue() {
    world.admission = gate;
    world.rebuild();
    exchange = std::make_unique<Exchange>(world);
    exchange->feed(request_headers({{"x-llm-d-inference-fairness-id", "f"}}));
    ASSERT_EQ(exchange->play(request_body(kCompletion, true)), "");
    ASSERT_TRUE(exchange->stream.busy());
  }
};

TEST_F(Waiting, AdmittedRequestsGoOn) {
  queue();
  EXPECT_EQ(gate->fairness, "f");
  EXPECT_EQ(gate->bytes, std::string_view(kCompletion).size());
  exchange->stream.on_wake();  // a wake without an outcome changes nothing
  EXPECT_TRUE(exchange->stream.busy());
  gate->open(std::nullopt);
  EXPECT_EQ(*exchange->outbox.wakes, 1);
  exchange->stream.on_wake();
  EXPECT_EQ(exchange->outbox.take_script(), "qh qb/E");
  EXPECT_FALSE(exchange->stream.busy());
}

TEST_F(Waiting, RefusedRequestsAreAnswered) {
  queue();
  gate->open(request::Error{request::ErrorCode::kServiceUnavailable, "too late", "rejected-ttl-expired"});
  exchange->stream.on_wake();
  EXPECT_EQ(exchange->outbox.take_script(), "imm503 end");
  EXPECT_EQ(exchange->outbox.sent[0].header("x-llm-d-request-dropped-reason"), "rejected-ttl-expired");
}

TEST_F(Waiting, CandidatesAreReadAfterTheWait) {
  queue();
  world.set_endpoints({{"10.1.1.1", "9000"}});
  gate->open(std::nullopt);
  exchange->stream.on_wake();
  EXPECT_EQ(exchange->outbox.sent[0].header("x-gateway-destination-endpoint"), "10.1.1.1:9000");
}

TEST_F(Waiting, AnAsynchronousProducerResumesTheRequest) {
  std::uint64_t token = 0;
  bool at_once = false;
  auto producer = world.plugin("async");
  producer->on_produce = [&](TestPlugin::Context&, const epp_candidates&, std::uint64_t of, epp_error*) {
    token = of;
    if (at_once) world.completions.complete(*producer, of, EPP_OK, {}, {});
    return epp_status{EPP_PENDING};
  };
  world.rebuild();
  Exchange late(world);
  late.feed(request_headers());
  EXPECT_EQ(late.play(request_body(kCompletion, true)), "");
  world.completions.complete(*producer, token, EPP_OK, {}, {});
  late.stream.on_wake();
  EXPECT_EQ(late.outbox.take_script(), "qh qb/E");
  EXPECT_FALSE(late.outbox.timer);

  at_once = true;
  Exchange early(world);
  early.feed(request_headers());
  EXPECT_EQ(early.play(request_body(kCompletion, true)), "qh qb/E");
  EXPECT_EQ(world.completions.open_tokens(), 0u);
}

TEST_F(Waiting, FailedProducersDoNotStopTheRequest) {
  int later = 0;
  world.plugin("broken")->on_produce = [](TestPlugin::Context&, const epp_candidates&, std::uint64_t, epp_error*) {
    return epp_status{EPP_ERR_UNTYPED};
  };
  world.plugin("independent")->on_produce = [&](TestPlugin::Context&, const epp_candidates&, std::uint64_t,
                                                epp_error*) {
    ++later;
    return epp_status{EPP_OK};
  };
  world.rebuild();
  Exchange exchange_(world);
  exchange_.feed(request_headers());
  EXPECT_EQ(exchange_.play(request_body(kCompletion, true)), "qh qb/E");
  EXPECT_EQ(later, 1);
}

TEST_F(Waiting, ADisconnectClosesTheProducersToken) {
  world.plugin("async")->on_produce = [](TestPlugin::Context&, const epp_candidates&, std::uint64_t, epp_error*) {
    return epp_status{EPP_PENDING};
  };
  world.rebuild();
  {
    Exchange gone(world);
    gone.feed(request_headers());
    gone.feed(request_body(kCompletion, true));
    EXPECT_EQ(world.completions.open_tokens(), 1u);
  }
  EXPECT_EQ(world.completions.open_tokens(), 0u);
}

}  // namespace
}  // namespace epp::lifecycle::testing
