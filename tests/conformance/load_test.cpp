// What the producers count: tokens and requests under way.
#include "conformance/exchange.h"
#include "conformance/lab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

Request prompt(const std::string& text, const std::string& more = "") {
  return {.body = R"({"model":"m","prompt":")" + text + "\"" + more + "}"};
}

const Headers kEvents{{":status", "200"}, {"content-type", "text/event-stream"}};
const std::string kLoad = "plugins:\n- type: inflight-load-producer\n";

std::string inflight(const std::string& what) {
  return "llm_d_epp_inflight_" + what +
         "{endpoint_name=\"e1\",fairness_id=\"default-flow\",namespace=\"default\",priority=\"0\","
         "producer_name=\"inflight-load-producer\"}";
}

TEST(ProducerCheck, C16_LoadOfAStreamedRequest) {
  const EppServer epp({.arguments = with(kLoad, {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  Exchange exchange = client.open(prompt(std::string(4000, 'x')));
  EXPECT_EQ(epp.metric(inflight("tokens")), 1000);
  EXPECT_EQ(epp.metric(inflight("requests")), 1);
  exchange.response_headers(kEvents);
  exchange.send_response_body("data: {}\n\n", false);
  exchange.response_body();
  EXPECT_EQ(epp.metric(inflight("tokens")), 0);
  EXPECT_EQ(epp.metric(inflight("requests")), 1);
  exchange.finish_response("data: [DONE]\n\n");
  EXPECT_TRUE(becomes(epp, inflight("requests"), 0));
}

TEST(ProducerCheck, C17_EstimatedOutputCountsUntilTheEnd) {
  const EppServer epp(
      {.arguments = with(kLoad + "  parameters: {addEstimatedOutputTokens: true}\n", {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  Exchange exchange = client.open(prompt(std::string(400, 'x'), R"(,"max_tokens":50)"));
  EXPECT_EQ(epp.metric(inflight("tokens")), 150);
  exchange.response_headers(kEvents);
  exchange.send_response_body("data: {}\n\n", false);
  exchange.response_body();
  EXPECT_EQ(epp.metric(inflight("tokens")), 150);
  exchange.finish_response("data: [DONE]\n\n");
  EXPECT_TRUE(becomes(epp, inflight("tokens"), 0));
}

TEST(ProducerCheck, C18_AClientThatLeavesGivesEverythingBack) {
  const EppServer epp({.arguments = with(kLoad, {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  Exchange exchange = client.open(prompt(std::string(400, 'x')));
  EXPECT_EQ(epp.metric(inflight("requests")), 1);
  exchange.cancel();
  EXPECT_TRUE(becomes(epp, inflight("requests"), 0));
  EXPECT_TRUE(becomes(epp, inflight("tokens"), 0));
}

TEST(ProducerCheck, C36_AgentIdentityNamesTheFlow) {
  const EppServer epp(
      {.arguments = with("plugins:\n- type: agent-identity\n", {silent_endpoint(1), "--allow-experimental-plugins"})});
  const Client client(epp.grpc_port());
  client.ask({.headers = {{"session-id", "s1"}}});
  client.ask({.headers = {{"session-id", "s1"}, {"x-llm-d-inference-fairness-id", "f"}}});
  EXPECT_EQ(epp.metric("llm_d_epp_request_total{fairness_id=\"s1\""), 1);
  EXPECT_EQ(epp.metric("llm_d_epp_request_total{fairness_id=\"f\""), 1);
}

// The tokens that a request counts for while it is under way, with a parameter of the producer.
double tokens_of(const Request& request, const std::string& parameters = "{}") {
  const EppServer epp({.arguments = with(kLoad + "  parameters: " + parameters + "\n", {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  const Exchange exchange = client.open(request);
  if (exchange.decision().status != 200) throw std::runtime_error(exchange.decision().body);
  return epp.metric(inflight("tokens"));
}

Request chat(const std::string& content, const Headers& headers = {}) {
  return {.body = R"({"model":"m","messages":[{"role":"user","content":)" + content + "}]}",
          .path = "/v1/chat/completions",
          .headers = headers};
}

TEST(ProducerCheck, C02_C03_EstimatedTokens) {
  EXPECT_EQ(tokens_of(prompt("hello")), 2);
  EXPECT_EQ(tokens_of(chat(R"("hello world")")), 4);
}

TEST(ProducerCheck, C06_VideosCountByDurationAndResolution) {
  const auto video = [](const std::string& resolution) {
    return tokens_of(chat(R"([{"type":"video_url","video_url":{"url":"https://x/v.mp4"}}])",
                          {{"x-llm-d-video-duration-seconds", "3"}, {"x-llm-d-video-resolution", resolution}}));
  };
  // Six frames: 900 tokens each, or (RequestFormatsCheck C35) 75.
  EXPECT_EQ(video("1280x720") - video("320x240"), 6 * (900 - 75));
}

TEST(RequestFormatsCheck, C40_ANegativeLimitIsNone) {
  const std::string estimate = "{addEstimatedOutputTokens: true}";
  const std::string text(400, 'x');
  EXPECT_EQ(tokens_of(prompt(text, R"(,"max_tokens":-5)"), estimate), 100 + 150);
  EXPECT_EQ(tokens_of(prompt(text, R"(,"max_tokens":0)"), estimate), 100);
}

}  // namespace
}  // namespace epp::conformance
