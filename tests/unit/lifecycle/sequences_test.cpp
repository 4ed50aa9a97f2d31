// The worked sequences of the protocol: what is answered to which message, and what is not answered.
#include "unit/lifecycle/world.h"

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

const HeaderList kJson{{":status", "200"}, {"content-type", "application/json"}};
const HeaderList kSse{{":status", "200"}, {"content-type", "text/event-stream"}};

struct Sequence : ::testing::Test {
  World world;
  Exchange exchange{world};

  void route_request() {
    exchange.feed(request_headers());
    exchange.feed(request_body(kCompletion, true));
    ASSERT_EQ(exchange.outbox.take_script(), "qh qb/E");
  }
};

TEST_F(Sequence, A_JsonInChunksBothWays) {
  EXPECT_EQ(exchange.play(request_headers()), "");
  EXPECT_EQ(exchange.play(request_body(R"({"model":"m",)", false)), "");
  EXPECT_EQ(exchange.play(request_body(R"("prompt":"hi"})", true)), "qh qb/E");
  EXPECT_EQ(exchange.play(response_headers(kJson)), "sh");
  EXPECT_EQ(exchange.play(response_body("{", false)), "");
  EXPECT_EQ(exchange.play(response_body("}", true)), "sb/E");
  EXPECT_EQ(exchange.outbox.body(Direction::kResponse), "{}");
}

TEST_F(Sequence, B_ServerSentEvents) {
  route_request();
  EXPECT_EQ(exchange.play(response_headers(kSse)), "sh");
  EXPECT_EQ(exchange.play(response_body("data: {}\n\n", false)), "sb");
  EXPECT_EQ(exchange.play(response_body("data: [DONE]\n\n", false)), "sb");
  EXPECT_EQ(exchange.play(response_body("", true)), "sb/E");
}

TEST_F(Sequence, C_NoBody) {
  EXPECT_EQ(exchange.play(request_headers({{":path", "/v1/models"}}, true)), "qh");
  EXPECT_FALSE(exchange.outbox.sent[0].header("Content-Length"));
  EXPECT_EQ(exchange.play(response_headers(kJson)), "sh");
  EXPECT_EQ(exchange.play(response_body("{}", true)), "sb/E");
}

TEST_F(Sequence, D_HeldResponseEndsWithTrailers) {
  route_request();
  EXPECT_EQ(exchange.play(response_headers(kJson)), "sh");
  EXPECT_EQ(exchange.play(response_body("p1", false)), "");
  EXPECT_EQ(exchange.play(response_body("p2", false)), "");
  EXPECT_EQ(exchange.play(response_trailers()), "sb st");
  EXPECT_EQ(exchange.outbox.body(Direction::kResponse), "p1p2");
}

TEST_F(Sequence, E_StreamedResponseEndsWithTrailers) {
  route_request();
  EXPECT_EQ(exchange.play(response_headers(kSse)), "sh");
  EXPECT_EQ(exchange.play(response_body("p1", false)), "sb");
  EXPECT_EQ(exchange.play(response_body("p2", false)), "sb");
  EXPECT_EQ(exchange.play(response_trailers()), "st");
}

TEST_F(Sequence, F_ParserAsksToSkip) {
  EXPECT_EQ(exchange.play(request_headers({{":path", "/v1/messages/count_tokens"}})), "");
  EXPECT_EQ(exchange.play(request_body(R"({"model":"m","messages":[{"role":"user","content":"x"}]})", true)),
            "qh qb/E end");
}

TEST_F(Sequence, G_Rejection) {
  exchange.feed(request_headers());
  EXPECT_EQ(exchange.play(request_body("no json", true)), "imm400 end");
  EXPECT_EQ(exchange.play(response_headers(kJson)), "");
}

TEST_F(Sequence, AStreamMayBeginWithItsResponse) {
  EXPECT_EQ(exchange.play(response_headers(kJson)), "sh");
  EXPECT_EQ(exchange.play(response_body("{}", true)), "sb/E");
  exchange.stream.on_half_close();
  EXPECT_EQ(exchange.outbox.take_script(), "end");
}

}  // namespace
}  // namespace epp::lifecycle::testing
