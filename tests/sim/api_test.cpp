#include "sim/api.h"

#include "sim/answer.h"
#include "sim/control.h"
#include "sim/format.h"
#include "sim/metrics_page.h"
#include "sim/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::sim {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Prompt, IsWhatTheEstimateTokenizerTakes) {
  EXPECT_EQ(count_tokens("hello world"), 3U);
  EXPECT_EQ(chat_prompt(json::parse(R"({"messages":[{"role":"user","content":"hi"}]})")), "userhi");
  EXPECT_EQ(chat_prompt(json::parse(R"({"tools":[{"b":1,"a":2}],
              "messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"hi"}]}]})")),
            R"([{"a":2,"b":1}]systemSuserhi)");
  EXPECT_EQ(messages_prompt(json::parse(R"({"system":"sys","messages":[{"role":"user","content":"hi"}]})")),
            "sysuserhi");
  EXPECT_EQ(responses_prompt(json::parse(R"({"input":"hi","instructions":"be","tools":[{"b":1,"a":2}]})")),
            R"([{"instructions":"be"},{"tools":[{"a":2,"b":1}]},{"input":"hi"}])");
  EXPECT_THAT(text_prompts(json::parse(R"(["a","b"])")), ElementsAre("a", "b"));
  EXPECT_THAT(text_prompts(json::parse("[1819043176]")), ElementsAre("hell"));
  EXPECT_TRUE(text_prompts(json::parse(R"([1,"b"])")).empty());
}

TEST(Prompt, ChainCoversFullBlocksAndEverythingBefore) {
  const std::string text(200, 'x');
  const auto chain = block_chain(text, 16, "m", "");
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_NE(chain[0], chain[1]);
  EXPECT_EQ(block_chain(text.substr(0, 128), 16, "m", ""), (std::vector<BlockHash>{chain[0], chain[1]}));
  EXPECT_NE(block_chain(text, 16, "other", "")[0], chain[0]);
  EXPECT_NE(block_chain(text, 16, "m", "salt")[0], chain[0]);
}

TEST(Api, TokenLimitDecidesHowAnAnswerEnds) {
  const std::uint32_t natural = Answer("userhi").natural_tokens();
  const auto choice = [](const std::string& extra) {
    return parse_request(Api::kChat, R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + extra + "}")
        .choices[0];
  };
  EXPECT_EQ(choice("").output_tokens, natural);
  EXPECT_TRUE(choice("").stops_by_itself);
  EXPECT_EQ(choice(R"(,"max_tokens":3)").output_tokens, 3U);
  EXPECT_FALSE(choice(R"(,"max_tokens":3)").stops_by_itself);
  EXPECT_EQ(choice(R"(,"max_tokens":999)").output_tokens, natural);
  EXPECT_EQ(choice(R"(,"max_tokens":999,"ignore_eos":true)").output_tokens, 999U);
}

TEST(Api, PromptsTimesSamplesAreChoices) {
  const ApiRequest request = parse_request(Api::kCompletions, R"({"model":"m","prompt":["a","b"],"n":2})");
  ASSERT_EQ(request.choices.size(), 4U);
  EXPECT_EQ(request.choices[1].prompt, "a");
  EXPECT_EQ(request.choices[1].sample, 1U);
  EXPECT_EQ(request.choices[2].prompt, "b");
}

TEST(Api, RefusesMalformedRequests) {
  EXPECT_THROW(parse_request(Api::kChat, "{"), ApiError);
  EXPECT_THROW(parse_request(Api::kChat, R"({"messages":[]})"), ApiError);
  EXPECT_THROW(parse_request(Api::kCompletions, R"({"prompt":"a","max_tokens":0})"), ApiError);
  EXPECT_THROW(parse_request(Api::kCompletions, R"({"prompt":"a","stream":"yes"})"), ApiError);
  EXPECT_THROW(parse_request(Api::kGenerate, R"({"token_ids":[]})"), ApiError);
}

// The data lines of server-sent events.
std::vector<std::string> data_lines(const std::string& events) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < events.size();) {
    const std::size_t end = events.find('\n', at);
    if (events.compare(at, 6, "data: ") == 0) lines.push_back(events.substr(at + 6, end - at - 6));
    at = end + 1;
  }
  return lines;
}

std::string streamed(const ApiRequest& request, const Usage& usage) {
  const auto format = make_format(request, "1", 0);
  std::string events = format->begin(usage);
  for (std::uint32_t i = 0; i < request.choices[0].output_tokens; ++i)
    events += format->token(0, i);
  return events + format->end(usage);
}

TEST(Format, ChatStreamAndWholeAnswerSayTheSame) {
  const ApiRequest request = parse_request(
      Api::kChat,
      R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}})");
  const Usage usage{.prompt_tokens = 2, .completion_tokens = request.choices[0].output_tokens, .cached_tokens = 1};
  const auto lines = data_lines(streamed(request, usage));
  EXPECT_EQ(lines.back(), "[DONE]");
  std::string text;
  for (std::size_t i = 0; i + 2 < lines.size(); ++i) {
    text += json::parse(lines[i])["choices"][0]["delta"].value("content", "");
  }
  const json whole = json::parse(make_format(request, "1", 0)->whole(usage));
  EXPECT_EQ(whole["choices"][0]["message"]["content"], text);
  EXPECT_EQ(text, Answer("userhi").text(request.choices[0].output_tokens));
  EXPECT_EQ(json::parse(lines[lines.size() - 2])["usage"], whole["usage"]);
  EXPECT_EQ(json::parse(lines[lines.size() - 3])["choices"][0]["finish_reason"], "stop");
}

TEST(Format, AnthropicStreamHasItsEventsInOrder) {
  const ApiRequest request =
      parse_request(Api::kMessages, R"({"model":"m","max_tokens":2,"messages":[{"role":"user","content":"hi"}]})");
  const auto lines = data_lines(streamed(request, {.prompt_tokens = 2, .completion_tokens = 2}));
  std::vector<std::string> types;
  for (const std::string& line : lines)
    types.push_back(json::parse(line)["type"]);
  EXPECT_THAT(types, ElementsAre("message_start", "content_block_start", "content_block_delta", "content_block_delta",
                                 "content_block_stop", "message_delta", "message_stop"));
  EXPECT_EQ(json::parse(lines[0])["message"]["usage"]["input_tokens"], 2);
  EXPECT_EQ(json::parse(lines[5])["usage"]["output_tokens"], 2);
}

TEST(Format, ResponsesEventsAreNumberedInOrder) {
  const ApiRequest request = parse_request(Api::kResponses, R"({"model":"m","input":"hi","max_output_tokens":2})");
  const auto lines = data_lines(streamed(request, {}));
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(json::parse(lines[i])["sequence_number"], i);
  EXPECT_EQ(json::parse(lines.back())["type"], "response.completed");
}

TEST(MetricsPage, SpeaksEachEnginesNames) {
  Engine engine({.kv_blocks = 200, .block_size = 16});
  PageInfo info{.model = "m"};
  info.overrides.waiting = 7;
  const std::string vllm = metrics_page(EngineKind::kVllm, engine, info);
  EXPECT_THAT(vllm, HasSubstr("vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 7\n"));
  EXPECT_THAT(vllm, HasSubstr("block_size=\"16\""));
  EXPECT_THAT(vllm, HasSubstr("num_gpu_blocks=\"200\""));
  EXPECT_THAT(metrics_page(EngineKind::kSglang, engine, info), HasSubstr("sglang:num_queue_reqs{"));
  EXPECT_THAT(metrics_page(EngineKind::kTrtllmServe, engine, info), HasSubstr("trtllm_kv_cache_max_blocks{"));
  EXPECT_THAT(metrics_page(EngineKind::kTritonTensorrtLlm, engine, info), HasSubstr("request_type=\"waiting\"} 7\n"));
}

TEST(Control, ChangesWhatIsNamedAndNothingOnErrors) {
  const Control initial;
  const Control slow = changed(initial, initial, R"({"slow":3,"metrics":{"waiting":5}})");
  EXPECT_EQ(slow.slow, 3);
  EXPECT_EQ(slow.metrics.waiting, 5);
  EXPECT_FALSE(changed(slow, initial, R"({"metrics":{"waiting":null}})").metrics.waiting.has_value());
  EXPECT_EQ(changed(slow, initial, R"({"reset":true,"hang":true})").slow, 1);
  EXPECT_THROW(changed(slow, initial, R"({"speed":1})"), ApiError);
  EXPECT_THROW(changed(slow, initial, R"({"slow":"very"})"), ApiError);
  EXPECT_THROW(changed(slow, initial, R"({"metrics_fault":"odd"})"), ApiError);
}

}  // namespace
}  // namespace epp::sim
