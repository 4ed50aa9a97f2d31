// Anthropic's messages, and the counting of their tokens.
#include "sim/answer.h"
#include "sim/format.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace epp::sim {
namespace {

using nlohmann::ordered_json;

class MessagesFormat : public Format {
 public:
  using Format::Format;

  std::string begin(const Usage& usage) override {
    ordered_json start = message(ordered_json::array(), nullptr);
    start["usage"] = usage_object(usage, 0);
    return event("message_start", {{"message", start}}) +
           event("content_block_start", {{"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}});
  }

  std::string token(std::size_t choice, std::uint32_t i) override {
    const Choice& chosen = request_.choices[choice];
    const std::string text = Answer(chosen.prompt, chosen.sample).token(i);
    return event("content_block_delta", {{"index", 0}, {"delta", {{"type", "text_delta"}, {"text", text}}}});
  }

  std::string end(const Usage& usage) override {
    return event("content_block_stop", {{"index", 0}}) +
           event("message_delta", {{"delta", {{"stop_reason", stop_reason()}, {"stop_sequence", nullptr}}},
                                   {"usage", {{"output_tokens", usage.completion_tokens}}}}) +
           event("message_stop", ordered_json::object());
  }

  std::string whole(const Usage& usage) override {
    if (request_.api == Api::kCountTokens) return ordered_json({{"input_tokens", usage.prompt_tokens}}).dump();
    const Choice& choice = request_.choices.front();
    const std::string text = Answer(choice.prompt, choice.sample).text(choice.output_tokens);
    ordered_json answer = message(ordered_json::array({{{"type", "text"}, {"text", text}}}), stop_reason());
    answer["usage"] = usage_object(usage, usage.completion_tokens);
    return answer.dump();
  }

 private:
  const char* stop_reason() const { return request_.choices.front().stops_by_itself ? "end_turn" : "max_tokens"; }

  ordered_json message(ordered_json content, ordered_json reason) const {
    return {{"id", "msg_" + id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", request_.model},
            {"content", std::move(content)},
            {"stop_reason", std::move(reason)},
            {"stop_sequence", nullptr}};
  }

  static ordered_json usage_object(const Usage& usage, std::uint64_t output_tokens) {
    return {{"input_tokens", usage.prompt_tokens},
            {"cache_creation_input_tokens", 0},
            {"cache_read_input_tokens", usage.cached_tokens},
            {"output_tokens", output_tokens}};
  }

  static std::string event(const char* type, const ordered_json& fields) {
    ordered_json data = {{"type", type}};
    data.update(fields);
    return sse(type, data.dump());
  }
};

}  // namespace

std::unique_ptr<Format> make_messages_format(const ApiRequest& request, std::string id, std::int64_t created) {
  return std::make_unique<MessagesFormat>(request, std::move(id), created);
}

}  // namespace epp::sim
