// OpenAI's embeddings and vLLM's token-in, token-out generate.
#include "sim/answer.h"
#include "sim/format.h"

#include <utility>

#include <nlohmann/json.hpp>
#include <xxhash.h>

namespace epp::sim {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kDimensions = 8;
constexpr std::uint64_t kVocabulary = 32000;

std::uint64_t hash(const std::string& text, std::uint64_t seed) {
  return XXH64(text.data(), text.size(), seed);
}

class EmbeddingsFormat : public Format {
 public:
  using Format::Format;

  std::string token(std::size_t /*choice*/, std::uint32_t /*i*/) override { return {}; }
  std::string end(const Usage& usage) override { return whole(usage); }

  std::string whole(const Usage& usage) override {
    ordered_json data = ordered_json::array();
    for (const Choice& choice : request_.choices) {
      ordered_json vector = ordered_json::array();
      for (std::uint64_t d = 0; d < kDimensions; ++d) {
        vector.push_back(static_cast<double>(hash(choice.prompt, d) % 2049) / 1024 - 1);
      }
      data.push_back({{"object", "embedding"}, {"index", data.size()}, {"embedding", std::move(vector)}});
    }
    return ordered_json({{"id", "embd-" + id_},
                         {"object", "list"},
                         {"created", created_},
                         {"model", request_.model},
                         {"data", std::move(data)},
                         {"usage", {{"prompt_tokens", usage.prompt_tokens}, {"total_tokens", usage.prompt_tokens}}}})
        .dump();
  }
};

class GenerateFormat : public Format {
 public:
  using Format::Format;

  std::string token(std::size_t choice, std::uint32_t i) override {
    const Choice& chosen = request_.choices[choice];
    const bool last = i + 1 == chosen.output_tokens;
    return sse(answer({{"index", choice},
                       {"token_ids", ordered_json::array({token_id(chosen, i)})},
                       {"finish_reason", last ? ordered_json(finish_reason(chosen)) : ordered_json(nullptr)}})
                   .dump());
  }

  std::string end(const Usage& /*usage*/) override { return sse("[DONE]"); }

  std::string whole(const Usage& usage) override {
    ordered_json choices = ordered_json::array();
    for (const Choice& choice : request_.choices) {
      ordered_json ids = ordered_json::array();
      for (std::uint32_t i = 0; i < choice.output_tokens; ++i)
        ids.push_back(token_id(choice, i));
      choices.push_back(
          {{"index", choices.size()}, {"token_ids", std::move(ids)}, {"finish_reason", finish_reason(choice)}});
    }
    ordered_json body = {{"request_id", id_}, {"model", request_.model}, {"choices", std::move(choices)}};
    body["usage"] = {{"prompt_tokens", usage.prompt_tokens},
                     {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
                     {"completion_tokens", usage.completion_tokens},
                     {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
    return body.dump();
  }

 private:
  static const char* finish_reason(const Choice& choice) { return choice.stops_by_itself ? "stop" : "length"; }

  static std::uint64_t token_id(const Choice& choice, std::uint32_t i) {
    return hash(Answer(choice.prompt, choice.sample).token(i), i) % kVocabulary;
  }

  ordered_json answer(ordered_json choice) const {
    return {{"request_id", id_}, {"model", request_.model}, {"choices", ordered_json::array({std::move(choice)})}};
  }
};

}  // namespace

std::unique_ptr<Format> make_embeddings_format(const ApiRequest& request, std::string id, std::int64_t created) {
  return std::make_unique<EmbeddingsFormat>(request, std::move(id), created);
}

std::unique_ptr<Format> make_generate_format(const ApiRequest& request, std::string id, std::int64_t created) {
  return std::make_unique<GenerateFormat>(request, std::move(id), created);
}

}  // namespace epp::sim
