// Request and response formats over ext-proc: what is read, refused and forwarded.
#include "conformance/exchange.h"
#include "conformance/lab.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kBadRequest = "inference error: BadRequest - ";
const std::string kOpenAi = "requestHandler: {parsers: [{pluginRef: openai-parser}]}";

// One EPP with the default parsers; a test that needs other parsers starts its own.
class RequestFormatsCheck : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    epp_ = std::make_unique<EppServer>(testing::EppOptions{.arguments = with("plugins: []", {silent_endpoint(1)})});
    client_ = std::make_unique<Client>(epp_->grpc_port());
  }
  static void TearDownTestSuite() {
    client_.reset();
    epp_.reset();
  }
  static Decision post(const std::string& path, const std::string& body, const Headers& headers = {}) {
    return client_->ask({.body = body, .path = path, .headers = headers});
  }
  static ::testing::AssertionResult accepts(const std::string& path, const std::string& body) {
    const Decision decision = post(path, body);
    if (decision.status == 200 && decision.body == body) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << body << ": " << decision.status << ' ' << decision.body;
  }
  // A 400 whose text contains `text`.
  static ::testing::AssertionResult refuses(const std::string& path, const std::string& body, const std::string& text) {
    const Decision decision = post(path, body);
    if (decision.status == 400 && decision.body.starts_with(kBadRequest) &&
        decision.body.find(text) != std::string::npos) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << body << ": " << decision.status << ' ' << decision.body;
  }
  static std::string twin(const std::string& name, const std::string& model) {
    return "inference_objective_" + name + "{model_name=\"" + model + "\",target_model_name=\"" + model + "\"}";
  }

  static inline std::unique_ptr<EppServer> epp_;
  static inline std::unique_ptr<Client> client_;
};

TEST_F(RequestFormatsCheck, C01_SameBytes) {
  EXPECT_TRUE(accepts("/v1/completions", R"({"model":"m","prompt":"x"})"));
}

TEST_F(RequestFormatsCheck, C02_NoModel) {
  EXPECT_EQ(post("/v1/completions", R"({"prompt":"x"})").body, kBadRequest + "model not found in request body");
}

TEST_F(RequestFormatsCheck, C03_TheHeaderSuppliesTheModel) {
  const Decision decision = post("/v1/completions", R"({"prompt":"x"})", {{"x-llm-d-model-name-rewrite", "h"}});
  EXPECT_THAT(decision.body, ::testing::AnyOf(R"({"model":"h","prompt":"x"})", R"({"prompt":"x","model":"h"})"));
  EXPECT_EQ(value_of(decision.headers, "Content-Length"), std::to_string(decision.body.size()));
}

TEST_F(RequestFormatsCheck, C04_LargeNumbersSurviveARewrite) {
  const Decision decision = post("/v1/completions", R"({"prompt":"x","model":"m","seed":12345678901234567890})",
                                 {{"x-llm-d-model-name-rewrite", "m2"}});
  EXPECT_EQ(decision.body, R"({"prompt":"x","model":"m2","seed":12345678901234567890})");
  EXPECT_EQ(value_of(decision.headers, "Content-Length"), std::to_string(decision.body.size()));
}

TEST_F(RequestFormatsCheck, C05_C06_ChatMessages) {
  const std::string path = "/v1/chat/completions";
  const std::string text = "invalid chat completions request: must have valid messages field";
  EXPECT_TRUE(refuses(path, R"({"model":"m","messages":[]})", text));
  EXPECT_TRUE(refuses(path, R"({"model":"m","messages":[{"role":"user","content":{"x":1}}]})", text));
  EXPECT_TRUE(refuses(path, R"({"model":"m","messages":[{"role":"user","content":"x"}],"cache_salt":5})", text));
  EXPECT_TRUE(accepts(path, R"({"model":"m","messages":[{"role":"user","content":null}]})"));
  EXPECT_TRUE(accepts(path, R"({"model":"m","messages":[{"role":"user"}]})"));
}

TEST_F(RequestFormatsCheck, C07_EmbeddingsInput) {
  EXPECT_TRUE(refuses("/v1/embeddings", R"({"model":"m","input":null})", "must have input field"));
  for (const char* input : {"[1,2]", "\"a\"", "[\"a\"]"}) {
    EXPECT_TRUE(accepts("/v1/embeddings", R"({"model":"m","input":)" + std::string(input) + "}"));
  }
}

TEST_F(RequestFormatsCheck, C08_C09_ResponsesAndConversations) {
  EXPECT_TRUE(accepts("/v1/responses", R"({"model":"m","input":""})"));
  EXPECT_TRUE(refuses("/v1/responses", R"({"model":"m"})", ""));
  EXPECT_TRUE(refuses("/v1/conversations", R"({"model":"m","items":[]})", ""));
  EXPECT_TRUE(
      accepts("/v1/conversations", R"({"model":"m","items":[{"type":"message","role":"user","content":"x"}]})"));
}

TEST_F(RequestFormatsCheck, C10_C11_Prompts) {
  EXPECT_TRUE(refuses("/v1/images/generations", R"({"model":"m","prompt":"x","n":2.5})", "must have prompt field"));
  for (const char* prompt : {"[1,2,\"x\"]", "[[1,2]]", "[-1]", "\"\""}) {
    EXPECT_TRUE(
        refuses("/v1/completions", R"({"model":"m","prompt":)" + std::string(prompt) + "}", "must have prompt field"));
  }
  EXPECT_TRUE(accepts("/v1/completions", R"({"model":"m","prompt":[""]})"));
}

TEST_F(RequestFormatsCheck, C12_C38_BodiesThatAreNoObject) {
  for (const char* body : {"{bad", "", "[]", "\x1f\x8b\x08\x00"}) {
    EXPECT_TRUE(refuses("/v1/completions", body, "error unmarshaling request bodyMap: "));
  }
}

TEST_F(RequestFormatsCheck, C13_Multipart) {
  const std::string body = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
  EXPECT_TRUE(accepts("/v1/audio/transcriptions", body));
}

TEST_F(RequestFormatsCheck, C16_ThePathFromAnotherHeader) {
  const std::string body = R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":5}]})";
  const Decision decision =
      client_->ask({.body = body, .path = "", .headers = {{"x-original-path", "/v1/messages?beta=true"}}});
  EXPECT_EQ(decision.status, 400);
  // C19: what the messages parser alone says.
  EXPECT_THAT(decision.body, HasSubstr("anthropic content: must be a string or an array of content blocks"));
}

TEST_F(RequestFormatsCheck, C17_CountTokensIsNotRead) {
  Exchange exchange = client_->open({.body = "zzz", .path = "/v1/messages/count_tokens"});
  EXPECT_EQ(exchange.decision().body, "zzz");
  EXPECT_TRUE(exchange.closed_by_server());
}

TEST_F(RequestFormatsCheck, C18_C19_Messages) {
  EXPECT_TRUE(refuses("/v1/messages/", R"({"model":"m","messages":[{"role":"user","content":"x"}]})",
                      "unsupported API endpoint: /v1/messages/"));
  EXPECT_TRUE(refuses("/v1/messages", R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":5}]})",
                      "anthropic content: must be a string or an array of content blocks"));
}

TEST_F(RequestFormatsCheck, C20_TokenIds) {
  EXPECT_TRUE(
      refuses("/inference/v1/generate", R"({"model":"m","token_ids":[1,-2]})", "token_ids[1]: invalid value -2"));
  EXPECT_TRUE(accepts("/inference/v1/generate", R"({"model":"m","token_ids":[1,2]})"));
}

TEST_F(RequestFormatsCheck, C25_UsageOfJson) {
  client_->complete({.body = R"({"model":"json-usage","prompt":"x"})"},
                    R"({"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,)"
                    R"("prompt_tokens_details":{"cached_tokens":4}}})");
  EXPECT_TRUE(becomes(*epp_, twin("input_tokens_sum", "json-usage"), 10));
  EXPECT_TRUE(becomes(*epp_, twin("output_tokens_sum", "json-usage"), 20));
  EXPECT_TRUE(becomes(*epp_, twin("prompt_cached_tokens_sum", "json-usage"), 4));
}

TEST_F(RequestFormatsCheck, C26_UsageCutInTwo) {
  const std::string events =
      "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":10,\"total_tokens\":17}}\n\ndata: [DONE]\n\n";
  int n = 0;
  for (const std::size_t cut : {std::size_t{0}, std::size_t{20}}) {
    const std::string model = "events-" + std::to_string(n++);
    Exchange exchange = client_->open({.body = R"({"model":")" + model + R"(","prompt":"x"})"});
    exchange.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
    exchange.send_response_body(events.substr(0, cut), false);
    exchange.response_body();
    exchange.finish_response(events.substr(cut));
    EXPECT_TRUE(becomes(*epp_, twin("input_tokens_sum", model), 7)) << cut;
    EXPECT_TRUE(becomes(*epp_, twin("output_tokens_sum", model), 10)) << cut;
  }
}

TEST_F(RequestFormatsCheck, C27_AnthropicUsageInTwoChunks) {
  Exchange exchange =
      client_->open({.body = R"({"model":"two-chunks","max_tokens":5,"messages":[{"role":"user","content":"x"}]})",
                     .path = "/v1/messages"});
  exchange.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
  exchange.send_response_body("data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25}}}\n\n",
                              false);
  exchange.response_body();
  exchange.finish_response("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n");
  EXPECT_TRUE(becomes(*epp_, twin("input_tokens_sum", "two-chunks"), 25));
  EXPECT_TRUE(becomes(*epp_, twin("output_tokens_sum", "two-chunks"), 15));
}

TEST_F(RequestFormatsCheck, C29_ResponsesNameTheClientsModel) {
  for (const char* space : {"", " "}) {
    Exchange exchange = client_->open({.headers = {{"x-llm-d-model-name-rewrite", "m2"}}});
    exchange.response_headers({{":status", "200"}, {"content-type", "application/json"}});
    EXPECT_EQ(exchange.finish_response("{\"model\":" + std::string(space) + "\"m2\"}"),
              "{\"model\":" + std::string(space) + "\"m\"}");
  }
}

TEST_F(RequestFormatsCheck, C30_StreamAsText) {
  Exchange exchange = client_->open({.body = R"({"model":"m","prompt":"x","stream":"true"})"});
  ASSERT_EQ(exchange.decision().status, 200) << exchange.decision().body;
  exchange.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
  exchange.send_response_body("data: {}\n\n", false);
  EXPECT_EQ(exchange.response_body(), std::pair(std::string("data: {}\n\n"), false));
}

TEST_F(RequestFormatsCheck, C31_StreamOptionsAreNotAdded) {
  EXPECT_TRUE(accepts("/v1/completions", R"({"model":"m","prompt":"x","stream":true})"));
}

TEST_F(RequestFormatsCheck, C35_VideoHeadersAreNotEchoed) {
  const Decision decision = post("/v1/completions", kCompletion,
                                 {{"x-llm-d-video-duration-seconds", "3"}, {"x-llm-d-video-resolution", "320x240"}});
  EXPECT_EQ(count_of(decision.headers, "x-llm-d-video-duration-seconds"), 0U);
  EXPECT_EQ(count_of(decision.headers, "x-llm-d-video-resolution"), 0U);
}

TEST_F(RequestFormatsCheck, C36_TwoAnswersFor100000Bytes) {
  std::string body = R"({"model":"m","prompt":")";
  body += std::string(100000 - body.size() - 2, 'x') + "\"}";
  EXPECT_THAT(client_->ask({.body = body}).pieces, ElementsAre(62000, 38000));
}

TEST_F(RequestFormatsCheck, C37_AGetIsRouted) {
  const Decision decision = client_->ask({.path = "/v1/models", .without_body = true});
  EXPECT_EQ(decision.status, 200);
  EXPECT_EQ(decision.destination, silent_address(1));
}

TEST_F(RequestFormatsCheck, C14_NoFallbackInAnExplicitList) {
  const EppServer epp({.arguments = with(kOpenAi, {silent_endpoint(1)})});
  const Decision decision = Client(epp.grpc_port()).ask({.path = "/foo"});
  EXPECT_EQ(decision.status, 400);
  EXPECT_EQ(decision.body, kBadRequest + "no parser registered matching path suffix for: /foo");
}

TEST_F(RequestFormatsCheck, C15_C39_OrderOfParsers) {
  const EppServer fallback_first(
      {.arguments = with("requestHandler: {parsers: [{pluginRef: passthrough-parser}, {pluginRef: openai-parser}]}",
                         {silent_endpoint(1)})});
  EXPECT_EQ(Client(fallback_first.grpc_port()).ask({.body = "{invalid"}).body, "{invalid");

  EppServer twice({.arguments = with("plugins:\n- {name: a, type: openai-parser}\n- {name: b, type: openai-parser}\n"
                                     "requestHandler: {parsers: [{pluginRef: a}, {pluginRef: b}]}\n",
                                     {silent_endpoint(1)})});
  EXPECT_EQ(Client(twice.grpc_port()).ask().status, 200);
  EXPECT_THAT(twice.process().output(), HasSubstr("WARNING"));
  EXPECT_EQ(refusal_of(with("requestHandler: {parsers: [{pluginRef: ghost}]}", {silent_endpoint(1)})).exit_code, 1);
}

TEST_F(RequestFormatsCheck, C32_C33_C34_SharedPrefixesOfChats) {
  const EppServer epp({.arguments = with("plugins:\n- type: prefix-cache-scorer\n",
                                         {silent_endpoint(1), silent_endpoint(2), "--emit-endpoint-scores"})});
  const Client client(epp.grpc_port());
  const auto chat = [](const std::string& content, const std::string& more = "") {
    return Request{.body = R"({"model":"m","messages":[{"role":"user","content":)" + content + "}" + "]" + more + "}",
                   .path = "/v1/chat/completions"};
  };
  const auto text = [](const std::string& part) { return "\"" + part + "\""; };
  const auto score_at_home = [&](const Request& first, const Request& second) {
    const std::string home = client.ask(first).destination;
    return client.ask(second).scores.at(home);
  };
  const std::string shared(600, 's');
  EXPECT_EQ(score_at_home(chat(text(shared)), chat(text(shared))), 1);
  const double part =
      score_at_home(chat(text(shared + std::string(600, 'a'))), chat(text(shared + std::string(600, 'b'))));
  EXPECT_GT(part, 0);
  EXPECT_LT(part, 1);
  EXPECT_EQ(score_at_home(chat(text(std::string(600, 'x')), R"(,"cache_salt":"a")"),
                          chat(text(std::string(600, 'x')), R"(,"cache_salt":"b")")),
            0);

  const auto image = [](const std::string& url) {
    return R"([{"type":"image_url","image_url":{"url":")" + url + R"("}}])";
  };
  EXPECT_EQ(score_at_home(chat(image("https://x/y.png")), chat(image("https://x/y.png"))), 1);
  EXPECT_EQ(score_at_home(chat(image("https://x/1.png")), chat(image("https://x/2.png"))), 0);
}

}  // namespace
}  // namespace epp::conformance
