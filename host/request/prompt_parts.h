#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace epp::request {

class Arena;
struct ParsedRequest;

enum class PartKind : std::uint32_t {
  kText = 1,      ///< data: UTF-8 text; texts that follow each other belong together without a separator
  kTokenIds = 2,  ///< data: native-endian uint32 ids, 4-byte aligned
  kImage = 3,     ///< data: URL (also data: URLs) or bare base64; aux: media type if data is bare base64
  kVideo = 4,     ///< data: URL
  kAudio = 5,     ///< data: base64; aux: format. Both empty for an `audio_url` part
};

/// One piece of what the model will read, in order.
struct PromptPart {
  std::uint32_t kind;    ///< a PartKind
  std::uint32_t prompt;  ///< index of the prompt it belongs to; only completions have more than one
  std::string_view data;
  std::string_view aux;
};
static_assert(std::is_trivially_copyable_v<PromptPart>);

/// A multimodal item of a tokenized (generate) request, whose placeholders already stand among the token ids.
struct MultimodalFeature {
  std::string_view modality;
  std::string_view hash;
  std::uint64_t offset;  ///< in tokens
  std::uint64_t length;
};

/// The prompt of a request as data for token producers. Views point into the body or the request's arena.
struct PromptParts {
  std::vector<PromptPart> parts;
  std::vector<MultimodalFeature> features;  ///< sorted by offset
  std::uint32_t prompts = 0;                ///< number of independent prompts; one without parts is empty
  std::string_view error;                   ///< not empty: this body has no prompt to work on, parts is empty
};

/// The error of bodies without a prompt: raw ones and image generation.
inline constexpr std::string_view kUnsupportedBody = "unsupported request body type, skipping estimation";

/// Walks the body again (it has been validated) and lists its prompt. Strings that need decoding and canonical JSON go
/// to `arena`. `reuse` is an answer whose memory is no longer needed. ParsedRequest::prompt_parts() caches the answer.
PromptParts build_prompt_parts(const ParsedRequest& request, Arena& arena, PromptParts reuse = {});

}  // namespace epp::request
