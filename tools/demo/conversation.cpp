#include "conversation.h"

#include "cluster.h"
#include "sim/answer.h"
#include "sim/api.h"
#include "support/http_client.h"
#include "support/sse.h"

#include <atomic>
#include <stdexcept>
#include <utility>

namespace epp::demo {
namespace {

using nlohmann::json;
using testing::HttpResponse;

constexpr std::size_t kSystemPromptBytes = 1800;  // Seven blocks of the EPP's prefix index.
constexpr std::size_t kQuestionBytes = 300;

// Text that no other `seed` begins with.
std::string filler(const std::string& seed, std::size_t bytes) {
  std::string text = seed + ":";
  for (std::uint32_t i = 0; text.size() < bytes; ++i)
    text += sim::Answer(seed, i).text(12) + ". ";
  text.resize(bytes);
  return text;
}

std::string next_request_id() {
  static std::atomic<std::uint64_t> last{0};
  return "demo-" + std::to_string(++last);
}

struct Received {
  std::string text;
  std::string finish_reason;
  json usage;
};

Received plain_answer(const HttpResponse& response) {
  const json body = json::parse(response.body);
  const json& choice = body.at("choices").at(0);
  return {choice.at("message").at("content"), choice.at("finish_reason"), body.at("usage")};
}

Received streamed_answer(const HttpResponse& response) {
  const std::vector<std::string> events = testing::sse_data(response.body);
  if (events.empty() || events.back() != "[DONE]") throw std::runtime_error("the stream has no [DONE]");
  Received received;
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    const json event = json::parse(events[i]);
    if (event.contains("usage") && event["usage"].is_object()) received.usage = event["usage"];
    if (event.at("choices").empty()) continue;
    const json& choice = event["choices"][0];
    received.text += choice.at("delta").value("content", "");
    if (choice.at("finish_reason").is_string()) received.finish_reason = choice["finish_reason"];
  }
  return received;
}

// Throws std::runtime_error saying what is not as it must be.
std::string checked(const HttpResponse& response, const sim::ApiRequest& request) {
  if (response.status != 200)
    throw std::runtime_error("status " + std::to_string(response.status) + " " + response.body);
  const Received received = request.stream ? streamed_answer(response) : plain_answer(response);
  const sim::Choice& choice = request.choices.front();
  const std::string expected = sim::Answer(choice.prompt).text(choice.output_tokens);
  if (received.text != expected) throw std::runtime_error("said '" + received.text + "', not '" + expected + "'");
  if (received.finish_reason != (choice.stops_by_itself ? "stop" : "length")) {
    throw std::runtime_error("finish_reason " + received.finish_reason);
  }
  if (received.usage.value("completion_tokens", 0U) != choice.output_tokens) {
    throw std::runtime_error("usage " + received.usage.dump());
  }
  return received.text;
}

}  // namespace

Conversation::Conversation(std::string tenant, int number, std::string objective)
    : tenant_(std::move(tenant)),
      number_(number),
      objective_(std::move(objective)),
      messages_(json::array({{{"role", "system"}, {"content", filler(tenant_, kSystemPromptBytes)}}})) {}

json Conversation::next_body(bool stream) const {
  const std::string seed = tenant_ + " " + std::to_string(number_) + " question " + std::to_string(turns_);
  json body = {{"model", kModel}, {"messages", messages_}, {"max_tokens", 24}, {"stream", stream}};
  body["messages"].push_back({{"role", "user"}, {"content", filler(seed, kQuestionBytes)}});
  if (stream) body["stream_options"] = {{"include_usage", true}};
  return body;
}

Outcome Conversation::ask(std::uint16_t port, bool stream) {
  Outcome outcome{.request_id = next_request_id(), .tenant = tenant_, .endpoint = {}, .streamed = stream, .wrong = {}};
  const json body = next_body(stream);
  try {
    const std::string bytes = body.dump();
    testing::HttpHeaders headers{{"x-request-id", outcome.request_id}};
    if (!objective_.empty()) headers["x-llm-d-inference-objective"] = objective_;
    const HttpResponse response = testing::http_post(port, "/v1/chat/completions", bytes, headers);
    outcome.endpoint = response.header("x-sim-endpoint");
    const std::string hits = response.header("x-sim-prefix-hit-tokens");
    outcome.prefix_hit_tokens = hits.empty() ? 0 : std::stoul(hits);
    const sim::ApiRequest request = sim::parse_request(sim::Api::kChat, bytes);
    outcome.prompt_tokens = (request.choices.front().prompt.size() + 3) / 4;
    const std::string text = checked(response, request);
    messages_ = body["messages"];
    messages_.push_back({{"role", "assistant"}, {"content", text}});
    ++turns_;
  } catch (const std::exception& error) {
    outcome.wrong = error.what();
  }
  return outcome;
}

}  // namespace epp::demo
