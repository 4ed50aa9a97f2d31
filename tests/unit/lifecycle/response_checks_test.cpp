// The response side's numbered checks that need no wire.
#include "unit/lifecycle/world.h"

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

const HeaderList kJson{{":status", "200"}, {"content-type", "application/json"}};
const HeaderList kSse{{":status", "200"}, {"content-type", "text/event-stream; charset=utf-8"}};

struct ExtprocCheck : ::testing::Test {
  World world;
  std::unique_ptr<Exchange> exchange;

  void SetUp() override { route(); }
  void route(HeaderList headers = {}, std::string body = kCompletion) {
    exchange = std::make_unique<Exchange>(world);
    exchange->feed(request_headers(std::move(headers)));
    exchange->feed(request_body(std::move(body), true));
    ASSERT_EQ(exchange->outbox.take_script(), "qh qb/E");
  }
  std::string response() const { return exchange->outbox.body(Direction::kResponse); }
};

TEST_F(ExtprocCheck, C07_ModelNameIsRestored) {
  route({{"x-llm-d-model-name-rewrite", "t"}});
  EXPECT_EQ(exchange->outbox.body(Direction::kRequest), R"({"model":"t","prompt":"hi"})");
  exchange->feed(response_headers(kJson));
  exchange->feed(response_body(R"({"model": "t"})", true));
  EXPECT_EQ(response(), R"({"model": "m"})");

  route({{"x-llm-d-model-name-rewrite", "t"}});
  exchange->feed(response_headers(kSse));
  exchange->feed(response_body("data: {\"model\":\"t\"}\n\n", false));
  exchange->feed(response_body("", true));
  EXPECT_EQ(response(), "data: {\"model\":\"m\"}\n\n");
}

TEST_F(ExtprocCheck, C22_HeldResponse) {
  exchange->feed(response_headers(kJson));
  exchange->outbox.take_script();
  EXPECT_EQ(exchange->play(response_body("not ", false)), "");
  EXPECT_EQ(exchange->play(response_body("json", true)), "sb/E");
  EXPECT_EQ(response(), "not json");
}

TEST_F(ExtprocCheck, C23_StreamedResponses) {
  exchange->feed(response_headers(kSse));
  exchange->outbox.take_script();
  EXPECT_EQ(exchange->play(response_body("data: 1\n\n", false)), "sb");
  EXPECT_EQ(exchange->play(response_body("", true)), "sb/E");
  route({}, R"({"model":"m","prompt":"hi","stream":true})");
  exchange->feed(response_headers(kJson));
  exchange->outbox.take_script();
  EXPECT_EQ(exchange->play(response_body("{", false)), "sb");
  EXPECT_EQ(exchange->play(response_body("}", true)), "sb/E");
}

TEST_F(ExtprocCheck, C24_ResponseHeaders) {
  exchange->feed(response_headers({{":status", "200"}, {"content-type", "application/json"}, {"content-length", "5"}}));
  const Sent& reply = exchange->outbox.last(Sent::Kind::kHeaders);
  EXPECT_EQ(reply.set[0], (std::pair<std::string, std::string>("x-went-into-resp-headers", "true")));
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_FALSE(reply.header("content-length"));
  EXPECT_FALSE(reply.clear_route_cache);
}

TEST_F(ExtprocCheck, C25_TrailersEndTheBodyOnce) {
  int ends = 0;
  auto plugin = world.plugin("counter");
  plugin->on_response_body = [&](TestPlugin::Context&, const epp_response&, std::string_view, bool end) {
    if (end) ++ends;
  };
  world.rebuild();
  route();
  exchange->feed(response_headers(kSse));
  exchange->outbox.take_script();
  EXPECT_EQ(exchange->play(response_body("x", false)), "sb");
  EXPECT_EQ(exchange->play(response_trailers()), "st");
  EXPECT_EQ(ends, 1);
}

TEST_F(ExtprocCheck, C26_UsageMetrics) {
  exchange->feed(response_headers(kSse));
  exchange->feed(response_body(
      "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":10,\"total_tokens\":17}}\n\ndata: [DONE]\n\n",
      false));
  exchange->feed(response_body("", true));
  EXPECT_EQ(world.metric("inference_objective_input_tokens_sum"), 7);
  EXPECT_EQ(world.metric("inference_objective_output_tokens_sum"), 10);
  EXPECT_EQ(world.metric("inference_objective_input_tokens_count"), 1);

  route({{":path", "/v1/messages"}}, R"({"model":"claude","stream":true,"messages":[{"role":"user","content":"x"}]})");
  exchange->feed(response_headers(kSse));
  exchange->feed(
      response_body("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":"
                    "{\"input_tokens\":1000,\"cache_read_input_tokens\":800}}}\n\n",
                    false));
  exchange->feed(response_body(
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":200}}\n\n", false));
  exchange->feed(response_body("", true));
  const std::string claude = R"({model_name="claude"})";
  EXPECT_EQ(world.metric("inference_objective_input_tokens_sum" + claude), 1000);
  EXPECT_EQ(world.metric("inference_objective_prompt_cached_tokens_sum" + claude), 800);
  EXPECT_EQ(world.metric("inference_objective_output_tokens_sum" + claude), 200);
  EXPECT_EQ(world.metric("inference_objective_output_tokens_count" + claude), 1);
}

TEST_F(ExtprocCheck, C27_MetadataOfTheEndGoesOnTheLastPiece) {
  auto plugin = world.plugin("reporter");
  plugin->on_response_body = [](TestPlugin::Context& context, const epp_response& response, std::string_view,
                                bool end) {
    if (!end) return;
    context.response_metadata.push_back({"envoy.lb",
                                         "x-gateway-inference-request-cost",
                                         true,
                                         static_cast<double>(response.usage->completion_tokens),
                                         {}});
  };
  world.rebuild();
  route();
  exchange->feed(response_headers(kSse));
  exchange->feed(response_body("data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":10}}\n\n", false));
  EXPECT_TRUE(exchange->outbox.sent.back().metadata.empty());
  exchange->feed(response_body("", true));
  EXPECT_EQ(exchange->outbox.sent.back().metadata.at("envoy.lb").at("x-gateway-inference-request-cost"), "10.000000");
}

TEST_F(ExtprocCheck, C32_ADisconnectRunsTheEndHookOnce) {
  std::vector<std::uint32_t> causes;
  world.plugin("counter")->on_response_complete = [&](const epp_response&, std::uint32_t cause) {
    causes.push_back(cause);
  };
  world.rebuild();
  route();
  exchange->feed(response_headers(kSse));
  exchange->feed(response_body("data: 1\n\n", false));
  EXPECT_EQ(world.metric("llm_d_epp_request_running"), 1);
  exchange->stream.on_done(true);
  exchange.reset();
  EXPECT_EQ(causes, std::vector<std::uint32_t>{EPP_END_CLIENT_DISCONNECT});
  EXPECT_EQ(world.metric("llm_d_epp_request_running"), 0);
}

TEST_F(ExtprocCheck, LatencyMetricsOfAStreamedResponse) {
  using std::chrono::milliseconds;
  exchange->feed(response_headers(kSse));
  world.clock.advance(milliseconds(500));
  exchange->feed(response_body("data: {}\n\n", false));
  world.clock.advance(milliseconds(2000));
  exchange->feed(
      response_body("data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":21,\"total_tokens\":22}}\n\n", true));
  EXPECT_NEAR(world.metric("llm_d_epp_request_ttft_seconds_sum"), 0.5, 1e-9);
  EXPECT_NEAR(world.metric("llm_d_epp_request_streaming_tpot_seconds_sum"), 0.1, 1e-9);
  EXPECT_NEAR(world.metric("llm_d_epp_request_ntpot_seconds_sum"), 2.5 / 21, 1e-9);
  EXPECT_NEAR(world.metric("llm_d_epp_request_duration_seconds_sum"), 2.5, 1e-9);
  EXPECT_NEAR(world.metric("llm_d_epp_request_streaming_itl_seconds_sum"), 2.0, 1e-9);
}

TEST_F(ExtprocCheck, ResponseHooksMaySetHeaders) {
  world.plugin("session")->on_response_header = [](TestPlugin::Context& context, const epp_response& response) {
    EXPECT_EQ(response.status, 200u);
    context.response_mutations.push_back({"x-session-token", "t", false});
  };
  world.rebuild();
  route();
  exchange->feed(response_headers(kJson));
  EXPECT_EQ(exchange->outbox.last(Sent::Kind::kHeaders).header("x-session-token"), "t");
}

}  // namespace
}  // namespace epp::lifecycle::testing
