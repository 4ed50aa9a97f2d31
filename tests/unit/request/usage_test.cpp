#include "request/usage.h"

#include "unit/request/splitting.h"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace epp::request {

void PrintTo(const Usage& usage, std::ostream* out) {
  *out << usage.prompt_tokens << '/' << usage.completion_tokens << '/' << usage.total_tokens << '/';
  usage.cached_tokens ? *out << *usage.cached_tokens : *out << '-';
}

namespace {

using Maker = std::unique_ptr<UsageExtractor> (*)(ResponseFormat);

struct Outcome {
  std::optional<Usage> usage;
  std::uint64_t events = 0;
  int observed = 0;

  bool operator==(const Outcome&) const = default;
};

Outcome extract_chunks(Maker make, ResponseFormat format, const std::vector<std::string_view>& chunks) {
  const auto extractor = make(format);
  Outcome outcome;
  for (std::string_view chunk : chunks)
    outcome.observed += extractor->feed(chunk) ? 1 : 0;
  outcome.observed += extractor->finish() ? 1 : 0;
  outcome.usage = extractor->usage();
  outcome.events = extractor->streamed_events();
  return outcome;
}

// The outcome of the whole response, which every way to cut it must share.
Outcome extract(Maker make, ResponseFormat format, std::string_view response) {
  const Outcome whole = extract_chunks(make, format, {response});
  for (const auto& chunks : splits_of(response)) {
    const Outcome cut = extract_chunks(make, format, chunks);
    EXPECT_EQ(cut.usage, whole.usage) << response;
    EXPECT_EQ(cut.events, whole.events) << response;
    EXPECT_EQ(cut.observed > 0, whole.observed > 0) << response;
  }
  return whole;
}

std::optional<Usage> openai_json(std::string_view body) {
  return extract(make_openai_usage_extractor, ResponseFormat::kJson, body).usage;
}
Outcome openai_sse(std::string_view stream) {
  return extract(make_openai_usage_extractor, ResponseFormat::kEventStream, stream);
}
std::optional<Usage> anthropic_json(std::string_view body) {
  return extract(make_anthropic_usage_extractor, ResponseFormat::kJson, body).usage;
}
Outcome anthropic_sse(std::string_view stream) {
  return extract(make_anthropic_usage_extractor, ResponseFormat::kEventStream, stream);
}

Usage usage(std::int64_t prompt, std::int64_t completion, std::int64_t total,
            std::optional<std::int64_t> cached = std::nullopt) {
  return {.prompt_tokens = prompt, .completion_tokens = completion, .total_tokens = total, .cached_tokens = cached};
}

TEST(Usage, OpenAiObject) {
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens":10})"), usage(10, 0, 0));
  EXPECT_EQ(read_openai_usage("{}"), usage(0, 0, 0));
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens":0,"input_tokens":5})"), usage(0, 0, 0));
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens":null,"input_tokens":5})"), usage(5, 0, 0));
  EXPECT_EQ(read_openai_usage(R"({"output_tokens":4,"total_tokens":9,"input_tokens":5})"), usage(5, 4, 9));
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens":"10","completion_tokens":"x","total_tokens":[]})"), usage(10, 0, 0));
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens":1e1,"completion_tokens":2.9,"total_tokens":-5})"), usage(10, 2, 0));
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens_details":{"cached_tokens":4,"x":{}}})"), usage(0, 0, 0, 4));
  EXPECT_EQ(read_openai_usage(R"({"prompt_tokens_details":null})"), usage(0, 0, 0));
  EXPECT_EQ(
      read_openai_usage(R"({"input_tokens_details":{"cached_tokens":0},"prompt_tokens_details":{"cached_tokens":4}})"),
      usage(0, 0, 0, 0));
  EXPECT_EQ(read_openai_usage("null"), std::nullopt);
  EXPECT_EQ(read_openai_usage("5"), std::nullopt);
  EXPECT_EQ(read_openai_usage(""), std::nullopt);
}

TEST(Usage, AnthropicObject) {
  EXPECT_EQ(read_anthropic_usage(R"({"input_tokens":3,"output_tokens":4,"cache_creation_input_tokens":9})"),
            usage(3, 4, 7));
  EXPECT_EQ(read_anthropic_usage(R"({"input_tokens":"3","output_tokens":4,"cache_read_input_tokens":2})"),
            usage(0, 4, 4, 2));
  EXPECT_EQ(read_anthropic_usage("[]"), std::nullopt);
}

TEST(Usage, HugeCountsCanBeAdded) {
  const auto huge = read_anthropic_usage(R"({"input_tokens":1e300,"output_tokens":9223372036854775807})");
  ASSERT_TRUE(huge);
  EXPECT_EQ(huge->total_tokens, huge->prompt_tokens + huge->completion_tokens);
  EXPECT_GT(huge->total_tokens, huge->prompt_tokens);
}

TEST(Usage, Merging) {
  Usage merged;
  merge_usage(merged, usage(25, 0, 25));
  merge_usage(merged, usage(0, 15, 15));
  EXPECT_EQ(merged, usage(25, 15, 40));

  merged = {};
  merge_usage(merged, usage(10, 20, 0));
  EXPECT_EQ(merged, usage(10, 20, 30));

  merged = {};
  merge_usage(merged, usage(1000, 0, 0, 800));
  merge_usage(merged, usage(0, 200, 0));
  EXPECT_EQ(merged, usage(1000, 200, 1200, 800));

  merged = {};
  merge_usage(merged, usage(7, 10, 99));
  EXPECT_EQ(merged, usage(7, 10, 99));
  merge_usage(merged, usage(7, 11, 0, 0));
  EXPECT_EQ(merged, usage(7, 11, 18, 0));
}

TEST(Usage, ContentTypes) {
  EXPECT_TRUE(is_event_stream("text/event-stream"));
  EXPECT_TRUE(is_event_stream("Text/Event-Stream; charset=utf-8"));
  EXPECT_FALSE(is_event_stream("application/json"));
  EXPECT_FALSE(is_event_stream("text/event-strea"));
  EXPECT_FALSE(is_event_stream(""));
}

TEST(OpenAiUsage, Json) {
  EXPECT_EQ(openai_json(R"({"id":"x","choices":[{"text":"\"usage\":{"}],"usage":{"prompt_tokens":10}})"),
            usage(10, 0, 10));
  EXPECT_EQ(openai_json(R"({"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2}})"), usage(2, 0, 2));
  EXPECT_EQ(openai_json(R"({"us\u0061ge":{"prompt_tokens":1}})"), usage(1, 0, 1));
  EXPECT_EQ(openai_json(" {\n\"usage\" : { \"prompt_tokens\" : 1 } } \n"), usage(1, 0, 1));
  for (std::string_view body :
       {"", "{}", R"({"usage":null})", R"({"usage":5})", R"({"Usage":{"prompt_tokens":1}})", R"([{"usage":{}}])",
        R"({"a":{"usage":{"prompt_tokens":1}}})", R"({"usage":{"prompt_tokens":1})",
        R"({"usage":{"prompt_tokens":1}}x)", R"({"usage":{"prompt_tokens":1},"a":tru})", R"(data: {"usage":{}})"}) {
    EXPECT_EQ(openai_json(body), std::nullopt) << body;
  }
}

TEST(OpenAiUsage, EventStream) {
  EXPECT_EQ(openai_sse("data: {\"choices\":[]}\r\ndata: [DONE]\r\n"), (Outcome{.usage = {}, .events = 1}));
  EXPECT_EQ(openai_sse("data: {..}\ndata: [DONE]"), (Outcome{.usage = {}, .events = 1}));
  EXPECT_EQ(openai_sse("data: [DO").events, 1u);
  EXPECT_EQ(openai_sse("dat").events, 0u);
  EXPECT_EQ(openai_sse("data: [DONE]").events, 0u);
  EXPECT_EQ(openai_sse("data: [DONE] ").events, 1u);
  EXPECT_EQ(
      openai_sse("data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":31,"
                 "\"input_tokens_details\":{\"cached_tokens\":16},\"output_tokens\":3,\"total_tokens\":34}}}\n\n")
          .usage,
      usage(31, 3, 34, 16));
  EXPECT_EQ(
      openai_sse("data: {\"type\":\"response.created\",\"response\":{\"usage\":{\"input_tokens\":31}}}\n\n").usage,
      std::nullopt);
  EXPECT_EQ(openai_sse("data: {\"usage\":null,\"choices\":[1]}\n\ndata: {\"usage\":{\"prompt_tokens\":2}}\n\n").usage,
            usage(2, 0, 2));
  // Lines that cannot be decoded, or are no data, are left out.
  EXPECT_EQ(openai_sse("data: {\"usage\":{\"prompt_tokens\":2}\nevent: x\n: ping\n\ndata: {\"usage\":\n").usage,
            std::nullopt);
}

TEST(OpenAiUsage, MemoryIsBounded) {
  const auto extractor = make_openai_usage_extractor(ResponseFormat::kJson);
  extractor->feed(R"({"usage":{"padding":")");
  const std::string padding(1 << 20, 'x');
  for (int i = 0; i < 64; ++i)
    extractor->feed(padding);
  extractor->feed(R"(","prompt_tokens":1}})");
  EXPECT_FALSE(extractor->finish());

  const auto long_output = make_openai_usage_extractor(ResponseFormat::kEventStream);
  long_output->feed(R"(data: {"type":"response.completed","response":{"output":")");
  for (int i = 0; i < 64; ++i)
    long_output->feed(padding);
  EXPECT_TRUE(long_output->feed("\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3}}}\n\n"));
  EXPECT_EQ(long_output->usage(), usage(1, 2, 3));
}

TEST(AnthropicUsage, Json) {
  EXPECT_EQ(
      anthropic_json(R"({"type":"message","usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":1}})"),
      usage(3, 4, 7, 1));
  EXPECT_EQ(anthropic_json(R"({"type":"message"})"), std::nullopt);
}

TEST(AnthropicUsage, EventStream) {
  const Outcome outcome = anthropic_sse(
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,"
      "\"cache_read_input_tokens\":8,\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":99,\"output_tokens\":15,"
      "\"cache_read_input_tokens\":7}}\n\n");
  EXPECT_EQ(outcome.usage, usage(25, 15, 40, 8));
  EXPECT_EQ(outcome.events, 0u);
}

TEST(RequestFormatsCheck, C25_JsonUsage) {
  EXPECT_EQ(openai_json(R"({"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,)"
                        R"("prompt_tokens_details":{"cached_tokens":4}}})"),
            usage(10, 20, 30, 4));
}

TEST(RequestFormatsCheck, C26_EventStreamUsageAlsoWhenCut) {
  const Outcome outcome = openai_sse(
      "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":10,\"total_tokens\":17}}\n\ndata: [DONE]\n\n");
  EXPECT_EQ(outcome.usage, usage(7, 10, 17));
  EXPECT_EQ(outcome.events, 1u);
  EXPECT_EQ(outcome.observed, 1);
}

TEST(RequestFormatsCheck, C27_AnthropicUsageInTwoChunks) {
  const auto extractor = make_anthropic_usage_extractor(ResponseFormat::kEventStream);
  EXPECT_TRUE(extractor->feed("data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25}}}\n\n"));
  EXPECT_TRUE(extractor->feed("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n"));
  EXPECT_FALSE(extractor->finish());
  EXPECT_EQ(extractor->usage(), usage(25, 15, 40));
}

TEST(RequestFormatsWeakSpot, W06_LinesOfAnyKind) {
  EXPECT_EQ(openai_sse("data:{\"usage\":{\"prompt_tokens\":1}}\n").usage, usage(1, 0, 1));
  EXPECT_EQ(openai_sse("data: {\"usage\":{\"prompt_tokens\":1}}\rdata: [DONE]\r").usage, usage(1, 0, 1));
  EXPECT_EQ(openai_sse("data: {\"usage\":{\"prompt_tokens\":\"3\",\"completion_tokens\":2.0}}\n").usage,
            usage(3, 2, 5));
  EXPECT_EQ(openai_sse("data: {\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}\n").usage, usage(3, 2, 5));
  EXPECT_EQ(openai_sse("data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n"
                       "data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n")
                .usage,
            usage(3, 2, 5));
  EXPECT_EQ(openai_sse(": keep-alive\n\ndata: \n\ndata:\n\n").events, 0u);
}

TEST(RequestFormatsWeakSpot, W07_RepeatedUsageIsOneFinalUsage) {
  const Outcome outcome = openai_sse(
      "data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}}\n\n"
      "data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n"
      "data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":3,\"total_tokens\":6}}\n\ndata: [DONE]\n\n");
  EXPECT_EQ(outcome.usage, usage(3, 3, 6));
  EXPECT_EQ(outcome.events, 3u);
}

}  // namespace
}  // namespace epp::request
