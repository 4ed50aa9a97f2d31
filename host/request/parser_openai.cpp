#include "request/body_decoder.h"
#include "request/parser.h"

#include <array>
#include <utility>

namespace epp::request {
namespace {

constexpr std::array<std::string_view, 8> kSuffixes = {
    "chat/completions",        "completions",        "embeddings",        "responses", "conversations",
    "chat/completions/render", "completions/render", "images/generations"};
constexpr std::array<std::string_view, 2> kProtocols = {"http", "kubernetes.io/h2c"};

ApiKind api_of(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with("conversations")) return ApiKind::kConversations;
  if (path.ends_with("responses")) return ApiKind::kResponses;
  if (path.ends_with("chat/completions") || path.ends_with("chat/completions/render")) return ApiKind::kChatCompletions;
  if (path.ends_with("completions") || path.ends_with("completions/render")) return ApiKind::kCompletions;
  if (path.ends_with("embeddings")) return ApiKind::kEmbeddings;
  if (path.ends_with("images/generations")) return ApiKind::kImages;
  return ApiKind::kCompletions;
}

std::string_view invalid(ApiKind api) {
  switch (api) {
    case ApiKind::kConversations:
      return "invalid conversations request: must have items field";
    case ApiKind::kResponses:
      return "invalid responses request: must have input field";
    case ApiKind::kChatCompletions:
      return "invalid chat completions request: must have valid messages field";
    case ApiKind::kEmbeddings:
      return "invalid embeddings request: must have input field";
    case ApiKind::kImages:
      return "invalid images generations request: must have prompt field";
    default:
      return "invalid completions request: must have prompt field";
  }
}

// What is wrong with a field is not told: invalid() is the answer to every type error.
constexpr TypedField kField;
constexpr std::string_view kWrongType = "wrong type";

// A string, an array of strings or an array of token ids; the first element says which. An empty string leaves the
// array, and an empty array the string, that an earlier duplicate put there. `raw` stays empty when there is nothing.
void read_text_or_tokens(TypedReader& fields, std::string_view& raw) {
  JsonReader& json = fields.json();
  JsonKind kind{};
  if (!json.peek(kind)) return;
  const std::size_t start = json.offset();
  bool empty = true;
  if (kind == JsonKind::kString) {
    empty = json.string().raw.empty();
  } else if (kind == JsonKind::kArray) {
    JsonKind first = JsonKind::kNull;
    fields.elements(kField, [&](std::size_t index) {
      JsonKind element{};
      if (!json.peek(element)) return;
      if (index == 0) first = element;
      empty = false;
      if (element == first && element == JsonKind::kString) {
        json.string();
      } else if (element == first && element == JsonKind::kNumber) {
        if (!parse_token_id(json.number())) fields.fail(kWrongType);
      } else {
        json.skip();
        fields.fail(kWrongType);
      }
    });
  } else {
    json.skip();
    fields.fail(kWrongType);
  }
  const std::string_view value = json.since(start);
  if (!empty) {
    raw = value;
  } else if (!raw.empty() && !value.empty() && raw.front() == value.front()) {
    raw = {};
  }
}

void read_completions(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  if (key_matches(key, "prompt")) return read_text_or_tokens(fields, request.section.content);
  if (key_matches(key, "cache_salt")) return fields.string(kField, request.cache_salt);
  fields.skip();
}

void read_embeddings(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  if (key_matches(key, "input")) return read_text_or_tokens(fields, request.section.content);
  if (key_matches(key, "cache_salt")) return fields.string(kField, request.cache_salt);
  fields.skip();
}

void read_url(TypedReader& fields) {
  fields.members(kField,
                 [&](std::string_view key) { key_matches(key, "url") ? fields.string(kField) : fields.skip(); });
}

void read_content_part(TypedReader& fields) {
  fields.members(kField, [&](std::string_view key) {
    if (key_matches(key, "type")) return fields.string(kField);
    if (key_matches(key, "text")) return fields.string(kField);
    if (key_matches(key, "image_url")) return read_url(fields);
    if (key_matches(key, "video_url")) return read_url(fields);
    if (!key_matches(key, "input_audio")) return fields.skip();
    fields.members(kField, [&](std::string_view member) {
      if (key_matches(member, "data")) return fields.string(kField);
      if (key_matches(member, "format")) return fields.string(kField);
      fields.skip();
    });
  });
}

void read_message(TypedReader& fields) {
  fields.members(kField, [&](std::string_view key) {
    if (key_matches(key, "role")) return fields.string(kField);
    if (key_matches(key, "tool_calls")) return fields.array(kField);
    if (!key_matches(key, "content")) return fields.skip();
    JsonKind kind{};
    if (!fields.json().peek(kind)) return;
    if (kind == JsonKind::kString) return fields.string(kField);
    fields.elements(kField, [&](std::size_t) { read_content_part(fields); });
  });
}

// An array of objects, each read by `on_element`; `raw` is left empty when there is none.
template <typename F>
void read_list(TypedReader& fields, std::string_view& raw, F&& on_element) {
  JsonReader& json = fields.json();
  JsonKind kind{};
  raw = {};
  if (!json.peek(kind)) return;
  const std::size_t start = json.offset();
  bool empty = true;
  fields.elements(kField, [&](std::size_t) {
    empty = false;
    on_element(fields);
  });
  if (!empty) raw = json.since(start);
}

void read_chat(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  if (key_matches(key, "messages")) return read_list(fields, request.section.content, read_message);
  if (key_matches(key, "tools")) return fields.array(kField, request.section.tools);
  if (key_matches(key, "documents")) return fields.array(kField);
  if (key_matches(key, "chat_template")) return fields.string(kField);
  if (key_matches(key, "chat_template_kwargs")) return fields.object(kField);
  if (key_matches(key, "return_assistant_tokens_mask")) return fields.boolean(kField);
  if (key_matches(key, "continue_final_message")) return fields.boolean(kField);
  if (key_matches(key, "add_generation_prompt")) return fields.boolean(kField);
  if (key_matches(key, "cache_salt")) return fields.string(kField, request.cache_salt);
  fields.skip();
}

void read_responses(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  if (key_matches(key, "input")) return fields.any(request.section.content);
  if (key_matches(key, "instructions")) return fields.any(request.section.instructions);
  if (key_matches(key, "tools")) return fields.any(request.section.tools);
  if (key_matches(key, "cache_salt")) return fields.string(kField, request.cache_salt);
  fields.skip();
}

void read_item(TypedReader& fields) {
  fields.members(kField, [&](std::string_view key) {
    if (key_matches(key, "type")) return fields.string(kField);
    if (key_matches(key, "role")) return fields.string(kField);
    fields.skip();
  });
}

void read_conversations(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  if (key_matches(key, "items")) return read_list(fields, request.section.content, read_item);
  if (key_matches(key, "metadata")) return fields.object(kField);
  if (key_matches(key, "cache_salt")) return fields.string(kField, request.cache_salt);
  fields.skip();
}

void read_images(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  if (key_matches(key, "n")) return fields.integer(kField);
  if (key_matches(key, "num_inference_steps")) return fields.integer(kField);
  if (key_matches(key, "size")) return fields.string(kField);
  if (key_matches(key, "prompt")) return fields.string(kField, request.section.content);
  fields.skip();
}

void read_member(TypedReader& fields, std::string_view key, ParsedRequest& request) {
  switch (request.api) {
    case ApiKind::kConversations:
      return read_conversations(fields, key, request);
    case ApiKind::kResponses:
      return read_responses(fields, key, request);
    case ApiKind::kChatCompletions:
      return read_chat(fields, key, request);
    case ApiKind::kEmbeddings:
      return read_embeddings(fields, key, request);
    case ApiKind::kImages:
      return read_images(fields, key, request);
    default:
      return read_completions(fields, key, request);
  }
}

// The keys that cap the output of an API, the decisive one first.
std::array<std::string_view, 2> cap_keys(ApiKind api) {
  switch (api) {
    case ApiKind::kChatCompletions:
      return {"max_completion_tokens", "max_tokens"};
    case ApiKind::kCompletions:
      return {"max_tokens", ""};
    case ApiKind::kResponses:
      return {"max_output_tokens", ""};
    default:
      return {};
  }
}

/// The OpenAI-compatible HTTP API.
class OpenAiParser final : public Parser {
 public:
  std::string_view type() const override { return "openai-parser"; }
  std::span<const std::string_view> claimed_suffixes() const override { return kSuffixes; }
  std::span<const std::string_view> protocols() const override { return kProtocols; }
  ParseResult parse(std::string_view path, std::string_view body) const override;
  std::unique_ptr<UsageExtractor> make_usage_extractor(ResponseFormat format) const override {
    return make_openai_usage_extractor(format);
  }
};

ParseResult OpenAiParser::parse(std::string_view path, std::string_view body) const {
  ParsedRequest request;
  request.api = api_of(path);
  request.body = body;
  request.model_rewritable = true;

  BodyDecoder decoder(request);
  const auto caps = cap_keys(request.api);
  std::array<std::optional<std::int64_t>, 2> cap_values;
  const std::string error = decoder.decode([&](std::string_view key) {
    for (std::size_t i = 0; i < caps.size(); ++i) {
      if (!caps[i].empty() && key == caps[i]) return decoder.read_cap(cap_values[i]);
    }
    read_member(decoder.fields(), key, request);
  });
  if (!error.empty()) return Error{ErrorCode::kBadRequest, "error unmarshaling request bodyMap: " + error, {}};
  if (decoder.fields().failed() || request.section.content.empty()) {
    return Error{ErrorCode::kBadRequest, std::string(invalid(request.api)), {}};
  }
  request.max_output_tokens = cap_values[0] ? cap_values[0] : cap_values[1];
  return request;
}

}  // namespace

std::unique_ptr<const Parser> make_openai_parser() {
  return std::make_unique<OpenAiParser>();
}

}  // namespace epp::request
