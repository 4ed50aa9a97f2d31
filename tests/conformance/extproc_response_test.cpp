// The response phase of ext-proc: held and streamed bodies, headers, trailers, usage.
#include "conformance/extproc_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

const Headers kJson{{":status", "200"}, {"content-type", "application/json"}, {"content-length", "5"}};
const Headers kEvents{{":status", "200"}, {"content-type", "text/event-stream"}};

// A model of its own, so that a test's series are its alone.
Request for_model(const std::string& model, const std::string& more = "") {
  return {.body = R"({"model":")" + model + R"(","prompt":"x")" + more + "}"};
}

std::string twin(const std::string& name, const std::string& model) {
  return "inference_objective_" + name + "{model_name=\"" + model + "\",target_model_name=\"" + model + "\"}";
}

std::string full(const std::string& name, const std::string& model) {
  return "llm_d_epp_" + name + "{fairness_id=\"default-flow\",model_name=\"" + model +
         "\",priority=\"0\",target_model_name=\"" + model + "\"}";
}

TEST_F(ExtprocCheck, C22_JsonIsHeldUntilItsEnd) {
  Exchange exchange = client().open();
  exchange.response_headers(kJson);
  exchange.send_response_body("{\"a\":", false);
  exchange.send_response_body("1}", true);
  // The first message already has it all: nothing answered the first chunk.
  EXPECT_EQ(exchange.response_body(), std::pair(std::string("{\"a\":1}"), true));

  Exchange broken = client().open();
  broken.response_headers(kJson);
  EXPECT_EQ(broken.finish_response("no json {"), "no json {");
}

TEST_F(ExtprocCheck, C23_EventsPassAtOnce) {
  const auto passes_at_once = [&](Exchange exchange, const Headers& headers) {
    exchange.response_headers(headers);
    for (const char* chunk : {"data: {}\n\n", "data: [DO", "NE]\n\n"}) {
      exchange.send_response_body(chunk, false);
      EXPECT_EQ(exchange.response_body(), std::pair(std::string(chunk), false));
    }
    exchange.send_response_body("", true);
    EXPECT_EQ(exchange.response_body(), std::pair(std::string(), true));
  };
  passes_at_once(client().open(), kEvents);
  passes_at_once(client().open(for_model("m", R"(,"stream":true)")), kJson);
}

TEST_F(ExtprocCheck, C24_ResponseHeaders) {
  Exchange exchange = client().open();
  const Headers set = exchange.response_headers(kJson);
  EXPECT_EQ(value_of(set, "x-went-into-resp-headers"), "true");
  EXPECT_EQ(value_of(set, "content-type"), "application/json");
  EXPECT_EQ(count_of(set, "content-length"), 0U);
}

TEST_F(ExtprocCheck, C25_TrailersEndTheBody) {
  Exchange held = client().open();
  held.response_headers(kJson);
  held.send_response_body("{}", false);
  held.send_response_trailers();
  EXPECT_EQ(held.response_body(), std::pair(std::string("{}"), false));
  held.expect_response_trailers();

  Exchange streamed = client().open();
  streamed.response_headers(kEvents);
  streamed.send_response_body("data: {}\n\n", false);
  EXPECT_EQ(streamed.response_body(), std::pair(std::string("data: {}\n\n"), false));
  streamed.send_response_trailers();
  streamed.expect_response_trailers();
  EXPECT_EQ(streamed.finish(), 0);
}

TEST_F(ExtprocCheck, C26_UsageOfEventStreams) {
  Exchange openai = client().open(for_model("openai"));
  openai.response_headers(kEvents);
  openai.finish_response(
      "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":10,\"total_tokens\":17}}\n\ndata: [DONE]\n\n");
  EXPECT_TRUE(becomes(epp(), twin("input_tokens_sum", "openai"), 7));
  EXPECT_TRUE(becomes(epp(), twin("output_tokens_sum", "openai"), 10));
  EXPECT_TRUE(becomes(epp(), twin("input_tokens_count", "openai"), 1));
  EXPECT_TRUE(becomes(epp(), twin("output_tokens_count", "openai"), 1));

  Exchange anthropic =
      client().open({.body = R"({"model":"claude","max_tokens":5,"messages":[{"role":"user","content":"x"}]})",
                     .path = "/v1/messages"});
  anthropic.response_headers(kEvents);
  anthropic.send_response_body(
      "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1000,"
      "\"cache_read_input_tokens\":800}}}\n\n",
      false);
  anthropic.response_body();
  anthropic.finish_response("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":200}}\n\n");
  EXPECT_TRUE(becomes(epp(), twin("input_tokens_sum", "claude"), 1000));
  EXPECT_TRUE(becomes(epp(), twin("prompt_cached_tokens_sum", "claude"), 800));
  EXPECT_TRUE(becomes(epp(), twin("output_tokens_sum", "claude"), 200));
  for (const char* name : {"input_tokens_count", "prompt_cached_tokens_count", "output_tokens_count"}) {
    EXPECT_TRUE(becomes(epp(), twin(name, "claude"), 1)) << name;
  }
}

TEST_F(ExtprocCheck, C32_AClientThatLeavesMidResponse) {
  Exchange exchange = client().open(for_model("leaver"));
  EXPECT_TRUE(becomes(epp(), full("request_running", "leaver"), 1));
  exchange.response_headers(kEvents);
  exchange.cancel();
  EXPECT_EQ(exchange.finish(), 1) << "CANCELLED";
  EXPECT_TRUE(becomes(epp(), full("request_running", "leaver"), 0));
}

TEST_F(ExtprocCheck, C40_BetterThanUpstream) {
  // A request that its trailers end.
  Exchange exchange = client().open({.trailers = true});
  EXPECT_EQ(exchange.decision().body, kCompletion);
  // Both cookies survive: what is not changed is not set.
  const Headers set = exchange.response_headers(
      {{":status", "500"}, {"content-type", "text/event-stream"}, {"set-cookie", "a=1"}, {"set-cookie", "b=2"}});
  EXPECT_NE(count_of(set, "set-cookie"), 1U);
  // Usage that is cut in two.
  exchange.send_response_body("data: {\"usage\":{\"prompt_tok", false);
  exchange.response_body();
  exchange.finish_response("ens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\n");
  EXPECT_EQ(exchange.finish(), 0);
  EXPECT_TRUE(becomes(epp(), "llm_d_epp_request_error_total{error_code=\"ModelServerError\"", 1));
  EXPECT_TRUE(becomes(epp(), twin("input_tokens_sum", "m"), 3));
}

TEST_F(ExtprocCheck, W02_AResponseThatIsOnlyHeaders) {
  Exchange exchange = client().open(for_model("headless"));
  exchange.response_headers({{":status", "204"}}, true);
  EXPECT_EQ(exchange.finish(), 0);
  EXPECT_TRUE(becomes(epp(), full("request_duration_seconds_count", "headless"), 1));
}

}  // namespace
}  // namespace epp::conformance
