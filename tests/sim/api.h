#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace epp::sim {

enum class Api { kChat, kCompletions, kEmbeddings, kResponses, kMessages, kCountTokens, kGenerate };

// The request format that a POST to `path` carries; nothing for other paths.
std::optional<Api> api_of_path(std::string_view path);

// A request that a model server refuses.
struct ApiError : std::runtime_error {
  ApiError(int http_status, const std::string& message) : std::runtime_error(message), status(http_status) {}
  int status;
};

// One continuation of one prompt.
struct Choice {
  std::string prompt;
  std::uint32_t sample = 0;         // Which of the `n` continuations of its prompt.
  std::uint32_t output_tokens = 0;  // How many tokens it will have.
  bool stops_by_itself = false;     // Ends before its token limit.
};

struct ApiRequest {
  Api api = Api::kChat;
  std::string model;
  std::string cache_salt;
  bool stream = false;
  bool include_usage = false;  // Of a stream: OpenAI's `stream_options.include_usage`.
  std::vector<Choice> choices;
};

// Throws ApiError (400) for a body that is not a request of that format.
ApiRequest parse_request(Api api, std::string_view body);

}  // namespace epp::sim
