// A follower of an election that was told to refuse.
#include "unit/lifecycle/world.h"

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

TEST(Standby, RefusesNewRequestsWithAReason) {
  World world;
  world.services.stands_by = [] { return true; };
  Exchange exchange(world);
  EXPECT_EQ(exchange.play(request_headers()), "imm503 end");
  const Sent& answer = exchange.outbox.last(Sent::Kind::kImmediate);
  EXPECT_EQ(answer.header("x-llm-d-request-dropped-reason"), "rejected-standby");
  EXPECT_EQ(answer.body, "inference error: ServiceUnavailable - this endpoint picker is a standby, another one leads");
}

TEST(Standby, RefusesRequestsWithoutHeadersAndWithoutBody) {
  World world;
  world.services.stands_by = [] { return true; };
  EXPECT_EQ(Exchange(world).play(request_body(kCompletion, true)), "imm503 end");
  EXPECT_EQ(Exchange(world).play(request_headers({}, true)), "imm503 end");
}

TEST(Standby, FinishesWhatItHasBegun) {
  World world;
  bool standby = false;
  world.services.stands_by = [&] { return standby; };
  Exchange exchange(world);
  EXPECT_EQ(exchange.play(request_headers()), "");
  standby = true;
  EXPECT_EQ(exchange.play(request_body(kCompletion, true)), "qh qb/E");
  EXPECT_EQ(exchange.play(response_headers({{":status", "204"}}, true)), "sh");
}

}  // namespace
}  // namespace epp::lifecycle::testing
