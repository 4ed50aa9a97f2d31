#include "sim/format.h"

#include <stdexcept>
#include <utility>

namespace epp::sim {

std::unique_ptr<Format> make_format(const ApiRequest& request, std::string id, std::int64_t created) {
  switch (request.api) {
    case Api::kChat:
    case Api::kCompletions:
      return make_openai_format(request, std::move(id), created);
    case Api::kResponses:
      return make_responses_format(request, std::move(id), created);
    case Api::kMessages:
    case Api::kCountTokens:
      return make_messages_format(request, std::move(id), created);
    case Api::kEmbeddings:
      return make_embeddings_format(request, std::move(id), created);
    case Api::kGenerate:
      return make_generate_format(request, std::move(id), created);
  }
  throw std::logic_error("unknown API");
}

std::string sse(std::string_view data) {
  return "data: " + std::string(data) + "\n\n";
}

std::string sse(std::string_view event, std::string_view data) {
  return "event: " + std::string(event) + "\n" + sse(data);
}

}  // namespace epp::sim
