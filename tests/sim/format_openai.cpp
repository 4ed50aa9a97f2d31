// OpenAI's chat completions and completions.
#include "sim/answer.h"
#include "sim/format.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace epp::sim {
namespace {

using nlohmann::ordered_json;

class OpenAiFormat : public Format {
 public:
  using Format::Format;

  std::string begin(const Usage& /*usage*/) override {
    std::string events;
    if (!chat()) return events;
    for (std::size_t i = 0; i < request_.choices.size(); ++i) {
      events += chunk({{"index", i}, {"delta", {{"role", "assistant"}, {"content", ""}}}, {"finish_reason", nullptr}});
    }
    return events;
  }

  std::string token(std::size_t choice, std::uint32_t i) override {
    const Choice& chosen = request_.choices[choice];
    const std::string text = Answer(chosen.prompt, chosen.sample).token(i);
    ordered_json entry = {{"index", choice}};
    if (chat()) {
      entry["delta"] = {{"content", text}};
    } else {
      entry["text"] = text;
    }
    const bool last = i + 1 == chosen.output_tokens;
    entry["finish_reason"] = last ? ordered_json(finish_reason(chosen)) : ordered_json(nullptr);
    return chunk(std::move(entry));
  }

  std::string end(const Usage& usage) override {
    std::string events;
    if (request_.include_usage) {
      ordered_json last = envelope(chat() ? "chat.completion.chunk" : "text_completion");
      last["choices"] = ordered_json::array();
      last["usage"] = usage_object(usage);
      events = sse(last.dump());
    }
    return events + sse("[DONE]");
  }

  std::string whole(const Usage& usage) override {
    ordered_json answer = envelope(chat() ? "chat.completion" : "text_completion");
    ordered_json choices = ordered_json::array();
    for (const Choice& choice : request_.choices) {
      const std::string text = Answer(choice.prompt, choice.sample).text(choice.output_tokens);
      ordered_json entry = {{"index", choices.size()}};
      if (chat()) {
        entry["message"] = {{"role", "assistant"}, {"content", text}};
      } else {
        entry["text"] = text;
      }
      entry["logprobs"] = nullptr;
      entry["finish_reason"] = finish_reason(choice);
      choices.push_back(std::move(entry));
    }
    answer["choices"] = std::move(choices);
    answer["usage"] = usage_object(usage);
    return answer.dump();
  }

 private:
  bool chat() const { return request_.api == Api::kChat; }

  static std::string finish_reason(const Choice& choice) { return choice.stops_by_itself ? "stop" : "length"; }

  static ordered_json usage_object(const Usage& usage) {
    return {{"prompt_tokens", usage.prompt_tokens},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
            {"completion_tokens", usage.completion_tokens},
            {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
  }

  ordered_json envelope(const char* object) const {
    return {{"id", (chat() ? "chatcmpl-" : "cmpl-") + id_},
            {"object", object},
            {"created", created_},
            {"model", request_.model}};
  }

  std::string chunk(ordered_json choice) const {
    ordered_json event = envelope(chat() ? "chat.completion.chunk" : "text_completion");
    event["choices"] = ordered_json::array({std::move(choice)});
    return sse(event.dump());
  }
};

}  // namespace

std::unique_ptr<Format> make_openai_format(const ApiRequest& request, std::string id, std::int64_t created) {
  return std::make_unique<OpenAiFormat>(request, std::move(id), created);
}

}  // namespace epp::sim
