// Bytes per second of what happens to every request and response byte.
#include "request/json_reader.h"
#include "request/model_name.h"
#include "request/parser.h"

#include <string>
#include <variant>

#include <benchmark/benchmark.h>

namespace epp::request {
namespace {

// Prose with a line break every 80 characters, as it stands in JSON.
std::string prose(std::size_t size) {
  std::string text;
  while (text.size() < size) {
    text += text.size() % 82 < 80 ? static_cast<char>('a' + text.size() % 26) : ' ';
    if (text.size() % 82 == 80) text += "\\n";
  }
  return text;
}

std::string chat_body(std::size_t messages, std::size_t size_of_each) {
  std::string body = R"({"model":"base","stream":true,"temperature":0.7,"messages":[)";
  for (std::size_t i = 0; i < messages; ++i) {
    body += i == 0 ? "" : ",";
    body += R"({"role":"user","content":")" + prose(size_of_each) + "\"}";
  }
  return body + "]}";
}

std::string token_body(std::size_t tokens) {
  std::string body = R"({"model":"base","token_ids":[)";
  for (std::size_t i = 0; i < tokens; ++i)
    body += (i == 0 ? "" : ",") + std::to_string(1000 + i * 7 % 120000);
  return body + "]}";
}

void report(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * static_cast<std::int64_t>(state.iterations()));
}

void skip_document(benchmark::State& state, const std::string& body) {
  for (auto _ : state) {
    JsonReader json(body);
    json.skip();
    benchmark::DoNotOptimize(json.finish());
  }
  report(state, body.size());
}

void parse_body(benchmark::State& state, const Parser& parser, std::string_view path, const std::string& body,
                bool prompt) {
  for (auto _ : state) {
    ParseResult result = parser.parse(path, body);
    auto* request = std::get_if<ParsedRequest>(&result);
    if (request == nullptr) {
      state.SkipWithError("refused");
      return;
    }
    if (prompt) benchmark::DoNotOptimize(request->prompt_parts().parts.data());
    benchmark::DoNotOptimize(request->model);
  }
  report(state, body.size());
}

void BM_SkipLongStrings(benchmark::State& state) {
  skip_document(state, chat_body(4, 256 * 1024));
}
void BM_SkipShortStrings(benchmark::State& state) {
  skip_document(state, chat_body(4096, 64));
}
void BM_SkipNumbers(benchmark::State& state) {
  skip_document(state, token_body(100000));
}
BENCHMARK(BM_SkipLongStrings);
BENCHMARK(BM_SkipShortStrings);
BENCHMARK(BM_SkipNumbers);

void BM_ParseChat(benchmark::State& state) {
  const auto parser = make_openai_parser();
  parse_body(state, *parser, "/v1/chat/completions", chat_body(16, static_cast<std::size_t>(state.range(0))), false);
}
void BM_ParseChatAndPrompt(benchmark::State& state) {
  const auto parser = make_openai_parser();
  parse_body(state, *parser, "/v1/chat/completions", chat_body(16, static_cast<std::size_t>(state.range(0))), true);
}
void BM_ParseTokens(benchmark::State& state) {
  const auto parser = make_vllmhttp_parser();
  parse_body(state, *parser, "/inference/v1/generate", token_body(static_cast<std::size_t>(state.range(0))), false);
}
BENCHMARK(BM_ParseChat)->Arg(64)->Arg(4096)->Arg(65536);
BENCHMARK(BM_ParseChatAndPrompt)->Arg(64)->Arg(4096)->Arg(65536);
BENCHMARK(BM_ParseTokens)->Arg(8192);

constexpr std::string_view kEvent =
    "data: "
    "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":1,\"model\":\"base\",\"choices\":[{\"index\":0,"
    "\"text\":\" token\",\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";

void BM_UsageOfAnEvent(benchmark::State& state) {
  const auto extractor = make_openai_usage_extractor(ResponseFormat::kEventStream);
  for (auto _ : state)
    benchmark::DoNotOptimize(extractor->feed(kEvent));
  report(state, kEvent.size());
}
BENCHMARK(BM_UsageOfAnEvent);

void BM_RestoreModelInAnEvent(benchmark::State& state) {
  ModelRestorer restorer("base", "public-name");
  for (auto _ : state)
    benchmark::DoNotOptimize(restorer.feed(kEvent).data());
  report(state, kEvent.size());
}
BENCHMARK(BM_RestoreModelInAnEvent);

}  // namespace
}  // namespace epp::request
