// OpenAI's responses.
#include "sim/answer.h"
#include "sim/format.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace epp::sim {
namespace {

using nlohmann::ordered_json;

class ResponsesFormat : public Format {
 public:
  using Format::Format;

  std::string begin(const Usage& /*usage*/) override {
    const std::string created = event("response.created", {{"response", response("in_progress")}});
    return created +
           event("response.output_item.added",
                 {{"output_index", 0}, {"item", {{"type", "message"}, {"id", item_id()}, {"role", "assistant"}}}});
  }

  std::string token(std::size_t choice, std::uint32_t i) override {
    const Choice& chosen = request_.choices[choice];
    return event("response.output_text.delta", {{"item_id", item_id()},
                                                {"output_index", 0},
                                                {"content_index", 0},
                                                {"delta", Answer(chosen.prompt, chosen.sample).token(i)}});
  }

  std::string end(const Usage& usage) override {
    const std::string done =
        event("response.output_text.done",
              {{"item_id", item_id()}, {"output_index", 0}, {"content_index", 0}, {"text", text()}});
    return done + event("response.completed", {{"response", completed(usage)}});
  }

  std::string whole(const Usage& usage) override { return completed(usage).dump(); }

 private:
  std::string item_id() const { return "msg_" + id_; }

  std::string text() const {
    const Choice& choice = request_.choices.front();
    return Answer(choice.prompt, choice.sample).text(choice.output_tokens);
  }

  ordered_json response(const char* status) const {
    return {{"id", "resp_" + id_}, {"object", "response"},    {"created_at", created_},
            {"status", status},    {"model", request_.model}, {"output", ordered_json::array()}};
  }

  ordered_json completed(const Usage& usage) const {
    const bool cut = !request_.choices.front().stops_by_itself;
    ordered_json answer = response(cut ? "incomplete" : "completed");
    if (cut) answer["incomplete_details"] = {{"reason", "max_output_tokens"}};
    answer["output"].push_back({{"type", "message"},
                                {"id", item_id()},
                                {"status", "completed"},
                                {"role", "assistant"},
                                {"content", ordered_json::array({{{"type", "output_text"}, {"text", text()}}})}});
    answer["usage"] = {{"input_tokens", usage.prompt_tokens},
                       {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
                       {"output_tokens", usage.completion_tokens},
                       {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
    return answer;
  }

  std::string event(const char* type, const ordered_json& fields) {
    ordered_json data = {{"type", type}, {"sequence_number", sequence_number_++}};
    data.update(fields);
    return sse(type, data.dump());
  }

  int sequence_number_ = 0;
};

}  // namespace

std::unique_ptr<Format> make_responses_format(const ApiRequest& request, std::string id, std::int64_t created) {
  return std::make_unique<ResponsesFormat>(request, std::move(id), created);
}

}  // namespace epp::sim
