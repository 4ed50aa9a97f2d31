// What a client of Envoy sees while all model servers are well.
#include "deployment.h"
#include "support/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class Routing : public ::testing::Test {
 protected:
  Deployment deployment_{{"alpha", "beta"}};
};

TEST_F(Routing, PlainChatIsAnswered) {
  const HttpResponse response = deployment_.post("/v1/chat/completions", chat_body("hello", false));
  EXPECT_EQ(chat_text(response), chat_answer("hello"));
  EXPECT_EQ(response.header("x-went-into-resp-headers"), "true");
  EXPECT_THAT(response.header("x-sim-endpoint"), AnyOf("alpha", "beta"));
}

TEST_F(Routing, StreamedChatIsComplete) {
  const HttpResponse response = deployment_.post("/v1/chat/completions", chat_body("hello", true));
  EXPECT_EQ(chat_text(response), chat_answer("hello"));
}

TEST_F(Routing, StreamArrivesAsItIsMade) {
  deployment_.sim(0).control(R"({"slow":50})");
  deployment_.sim(1).control(R"({"slow":50})");
  HttpExchange stream(deployment_.envoy().port(), {.method = "POST",
                                                   .path = "/v1/chat/completions",
                                                   .headers = {{"content-type", "application/json"}},
                                                   .body = chat_body("hello", true, 8)});
  std::size_t pieces = 0;
  while (stream.read())
    ++pieces;
  EXPECT_GT(pieces, 3U);
}

TEST_F(Routing, LargeBodiesArriveWhole) {
  for (const bool stream : {false, true}) {
    const std::string content(1U << 20U, stream ? 'y' : 'x');
    EXPECT_EQ(chat_text(deployment_.post("/v1/chat/completions", chat_body(content, stream))), chat_answer(content));
  }
}

TEST_F(Routing, AnthropicStreamIsPassedOn) {
  const HttpResponse response = deployment_.post(
      "/v1/messages", R"({"model":"demo","max_tokens":3,"stream":true,"messages":[{"role":"user","content":"hi"}]})");
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(json::parse(sse_data(response.body).back())["type"], "message_stop");
}

TEST_F(Routing, ModelNameIsRewrittenForTheServerAndRestoredForTheClient) {
  for (const bool stream : {false, true}) {
    json body = json::parse(chat_body("hello", stream));
    body["model"] = "alias";
    const HttpResponse response =
        deployment_.post("/v1/chat/completions", body.dump(), {{"x-llm-d-model-name-rewrite", "demo"}});
    EXPECT_EQ(chat_text(response), chat_answer("hello"));
    EXPECT_THAT(response.body, HasSubstr(R"("model":"alias")"));
    EXPECT_THAT(response.body, Not(HasSubstr(R"("model":"demo")")));
  }
}

TEST_F(Routing, ConversationStaysWithItsPrefix) {
  std::string content(2000, 'p');
  const std::string home = deployment_.post("/v1/chat/completions", chat_body(content, false)).header("x-sim-endpoint");
  for (int turn = 0; turn < 6; ++turn) {
    content += std::string(200, static_cast<char>('a' + turn));
    const HttpResponse response = deployment_.post("/v1/chat/completions", chat_body(content, turn % 2 == 0));
    EXPECT_EQ(response.header("x-sim-endpoint"), home);
    EXPECT_NE(response.header("x-sim-prefix-hit-tokens"), "0");
  }
}

TEST_F(Routing, BusyServerIsAvoided) {
  deployment_.sim(0).control(R"({"metrics":{"waiting":100}})");
  int probes = 0;
  const auto probe = [&] {
    return deployment_.post("/v1/chat/completions", chat_body("probe " + std::to_string(++probes), false))
        .header("x-sim-endpoint");
  };
  // Once the queue is known, nothing new goes there; before that, either may be chosen.
  int in_a_row = 0;
  ASSERT_TRUE(wait_until([&] { return (in_a_row = probe() == "beta" ? in_a_row + 1 : 0) >= 20; }));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(probe(), "beta");
}

TEST_F(Routing, ClientCannotChooseTheDestination) {
  const ModelSim outsider(quick_sim("outsider"));
  const HttpResponse response = deployment_.post("/v1/chat/completions", chat_body("hello", false),
                                                 {{"x-gateway-destination-endpoint", outsider.address()}});
  EXPECT_THAT(response.header("x-sim-endpoint"), AnyOf("alpha", "beta"));
  EXPECT_EQ(outsider.requests(), 0U);
}

TEST_F(Routing, MalformedBodyIs400) {
  const HttpResponse response = deployment_.post("/v1/chat/completions", "{");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("inference error: BadRequest - "));
  EXPECT_EQ(deployment_.post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"a"}]})").body,
            "inference error: BadRequest - model not found in request body");
}

TEST_F(Routing, ServerErrorsReachTheClientUnchanged) {
  for (std::size_t i = 0; i < 2; ++i)
    deployment_.sim(i).control(R"({"fail_status":429})");
  const HttpResponse response = deployment_.post("/v1/chat/completions", chat_body("hello", false));
  EXPECT_EQ(response.status, 429);
  EXPECT_THAT(response.body, HasSubstr("failure on demand"));
}

TEST_F(Routing, RequestIdReachesTheServer) {
  deployment_.post("/v1/chat/completions", chat_body("hello", false), {{"x-request-id", "my-own-id"}});
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < 2; ++i) {
    const json stats = deployment_.sim(i).stats();
    for (const auto& request : stats["seen"])
      ids.push_back(request["headers"].value("x-request-id", ""));
  }
  EXPECT_THAT(ids, Contains("my-own-id"));
}

TEST_F(Routing, LeavingClientEndsTheWorkEverywhere) {
  const std::string body = R"({"model":"demo","prompt":"a","max_tokens":10000,"ignore_eos":true,"stream":true})";
  {
    HttpExchange stream(
        deployment_.envoy().port(),
        {.method = "POST", .path = "/v1/completions", .headers = {{"content-type", "application/json"}}, .body = body});
    ASSERT_TRUE(stream.read().has_value());
  }
  EXPECT_TRUE(wait_until([&] {
    const json a = deployment_.sim(0).stats();
    const json b = deployment_.sim(1).stats();
    return a["aborted"].get<int>() + b["aborted"].get<int>() == 1 && a["running"] == 0 && b["running"] == 0;
  }));
  EXPECT_TRUE(wait_until([&] { return deployment_.epp().metric("llm_d_epp_request_running{") == 0; }));
}

TEST_F(Routing, EppEndsCleanlyOnTerm) {
  deployment_.post("/v1/chat/completions", chat_body("hello", false));
  EXPECT_EQ(deployment_.epp().process().stop(std::chrono::seconds(40)), 0);
}

}  // namespace
}  // namespace epp::testing
