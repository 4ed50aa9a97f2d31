#pragma once

#include "request/arena.h"
#include "request/prompt_parts.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace epp::request {

enum class ApiKind : std::uint8_t {
  kRaw,  ///< not looked into
  kCompletions,
  kChatCompletions,
  kResponses,
  kConversations,
  kEmbeddings,
  kImages,
  kMessages,
  kGenerate,
};

struct ByteRange {
  std::size_t offset = 0;
  std::size_t length = 0;

  bool operator==(const ByteRange&) const = default;
};

/// The members of the body that make up its prompt: raw JSON values in the body, already checked against the API's
/// types. Empty: absent or null.
struct TypedSection {
  std::string_view content;  ///< prompt, messages, input, items or token_ids; images: the decoded prompt
  std::string_view tools;
  std::string_view system;        ///< messages
  std::string_view instructions;  ///< responses
  std::string_view mm_hashes;     ///< generate: features.mm_hashes
  std::string_view mm_placeholders;
};

/// What the host knows about a request body. The body belongs to the caller and must outlive this object; views point
/// into the body or into `arena`, and survive a move. Belongs to one request; not thread-safe (prompt_parts() writes on
/// first use, so let one thread call it before several read).
struct ParsedRequest {
  ApiKind api = ApiKind::kRaw;
  std::string_view body;
  std::string_view model;  ///< empty unless the body's last `model` is a string
  std::string_view cache_salt;
  bool stream = false;
  std::optional<std::int64_t> max_output_tokens;  ///< the client's cap, >= 0
  bool skip_response = false;                     ///< the response is not to be looked at
  bool model_rewritable = false;                  ///< rewrite rules apply and the body must name a model

  /// Values of all top-level `model` members, in order; offsets into `body`.
  std::vector<ByteRange> model_values;
  /// Where a missing `model` member is inserted: right after the opening brace.
  std::size_t model_insert_offset = 0;
  bool empty_object = false;  ///< the body is an object without members: no comma after an insertion

  TypedSection section;
  Arena arena;

  /// The prompt for token producers, computed on first use.
  const PromptParts& prompt_parts() {
    if (!prompt_parts_) prompt_parts_ = build_prompt_parts(*this, arena);
    return *prompt_parts_;
  }

 private:
  std::optional<PromptParts> prompt_parts_;
};

}  // namespace epp::request
