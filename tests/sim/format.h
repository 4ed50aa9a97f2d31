#pragma once

#include "sim/api.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace epp::sim {

struct Usage {
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;
  std::uint64_t cached_tokens = 0;
};

// Writes the answer to one request in the words of its API: whole, or as server-sent events in the order
// begin, token..., end. All functions return bytes to be sent as they are (possibly none).
class Format {
 public:
  // `request` must outlive the format. `id` identifies the answer, `created` is in seconds since 1970.
  Format(const ApiRequest& request, std::string id, std::int64_t created)
      : request_(request), id_(std::move(id)), created_(created) {}
  virtual ~Format() = default;
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;

  virtual std::string begin(const Usage& /*usage*/) { return {}; }
  // Output token `i` of `choice`, an index into request.choices.
  virtual std::string token(std::size_t choice, std::uint32_t i) = 0;
  virtual std::string end(const Usage& usage) = 0;

  virtual std::string whole(const Usage& usage) = 0;

 protected:
  const ApiRequest& request_;
  const std::string id_;
  const std::int64_t created_;
};

std::unique_ptr<Format> make_format(const ApiRequest& request, std::string id, std::int64_t created);

std::unique_ptr<Format> make_openai_format(const ApiRequest& request, std::string id, std::int64_t created);
std::unique_ptr<Format> make_responses_format(const ApiRequest& request, std::string id, std::int64_t created);
std::unique_ptr<Format> make_messages_format(const ApiRequest& request, std::string id, std::int64_t created);
std::unique_ptr<Format> make_embeddings_format(const ApiRequest& request, std::string id, std::int64_t created);
std::unique_ptr<Format> make_generate_format(const ApiRequest& request, std::string id, std::int64_t created);

// One server-sent event; without a name only its data line.
std::string sse(std::string_view data);
std::string sse(std::string_view event, std::string_view data);

}  // namespace epp::sim
