#include "sim/api.h"

#include "sim/answer.h"
#include "sim/prompt.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::sim {
namespace {

using nlohmann::json;

constexpr std::uint32_t kMaxChoices = 128;

constexpr std::array<std::pair<std::string_view, Api>, 7> kPaths = {{{"/v1/chat/completions", Api::kChat},
                                                                     {"/v1/completions", Api::kCompletions},
                                                                     {"/v1/embeddings", Api::kEmbeddings},
                                                                     {"/v1/responses", Api::kResponses},
                                                                     {"/v1/messages", Api::kMessages},
                                                                     {"/v1/messages/count_tokens", Api::kCountTokens},
                                                                     {"/inference/v1/generate", Api::kGenerate}}};

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(400, message);
}

// A whole number of at least 1, under the first of `names` that is present.
std::optional<std::uint32_t> positive(const json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto it = object.find(name);
    if (it == object.end() || it->is_null()) continue;
    if (!it->is_number_unsigned() || *it < 1 || *it > 1'000'000) {
      refuse(std::string(name) + " must be a whole number of at least 1");
    }
    return it->get<std::uint32_t>();
  }
  return std::nullopt;
}

bool flag(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || it->is_null()) return false;
  if (!it->is_boolean()) refuse(std::string(name) + " must be a boolean");
  return it->get<bool>();
}

std::string text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Choice make_choice(std::string prompt, std::uint32_t sample, std::optional<std::uint32_t> limit, bool ignore_eos) {
  Choice choice{.prompt = std::move(prompt), .sample = sample};
  const std::uint32_t natural = Answer(choice.prompt, sample).natural_tokens();
  choice.stops_by_itself = !limit || (!ignore_eos && natural < *limit);
  choice.output_tokens = choice.stops_by_itself ? natural : *limit;
  return choice;
}

std::vector<std::string> prompts_of(Api api, const json& body) {
  switch (api) {
    case Api::kChat:
    case Api::kMessages:
    case Api::kCountTokens: {
      const auto messages = body.find("messages");
      if (messages == body.end() || !messages->is_array() || messages->empty()) refuse("messages must not be empty");
      return {api == Api::kChat ? chat_prompt(body) : messages_prompt(body)};
    }
    case Api::kResponses:
      if (!body.contains("input")) refuse("input is required");
      return {responses_prompt(body)};
    case Api::kCompletions:
    case Api::kEmbeddings:
    case Api::kGenerate: {
      const char* name = api == Api::kCompletions ? "prompt" : api == Api::kEmbeddings ? "input" : "token_ids";
      std::vector<std::string> prompts = text_prompts(body.value(name, json()));
      if (prompts.empty()) refuse(std::string(name) + " must be text or token ids");
      return prompts;
    }
  }
  throw std::logic_error("unknown API");
}

}  // namespace

std::optional<Api> api_of_path(std::string_view path) {
  const auto* found = std::ranges::find(kPaths, path, &std::pair<std::string_view, Api>::first);
  return found == kPaths.end() ? std::nullopt : std::optional(found->second);
}

ApiRequest parse_request(Api api, std::string_view bytes) {
  const json body = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) refuse("the body is not a JSON object");

  ApiRequest request;
  request.api = api;
  request.model = text(body, "model");
  request.cache_salt = text(body, "cache_salt");
  request.stream = flag(body, "stream");
  if (const auto options = body.find("stream_options"); options != body.end() && options->is_object()) {
    request.include_usage = flag(*options, "include_usage");
  }

  const bool generates = api != Api::kEmbeddings && api != Api::kCountTokens;
  const auto sampling = body.find("sampling_params");
  const bool nested = api == Api::kGenerate && sampling != body.end() && sampling->is_object();
  const json& parameters = nested ? *sampling : body;
  const auto limit = positive(parameters, {"max_completion_tokens", "max_output_tokens", "max_tokens"});
  const bool ignore_eos = flag(parameters, "ignore_eos");
  const std::uint32_t samples = positive(parameters, {"n"}).value_or(1);
  if (samples > kMaxChoices) refuse("n is too large");

  for (std::string& prompt : prompts_of(api, body)) {
    if (!generates) {
      request.choices.push_back({.prompt = std::move(prompt)});
      continue;
    }
    for (std::uint32_t sample = 0; sample < samples; ++sample) {
      request.choices.push_back(make_choice(prompt, sample, limit, ignore_eos));
    }
  }
  return request;
}

}  // namespace epp::sim
