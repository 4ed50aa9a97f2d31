#include "request/body_decoder.h"
#include "request/parser.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace epp::request {
namespace {

constexpr std::array<std::string_view, 2> kSuffixes = {"messages", "messages/count_tokens"};
constexpr std::array<std::string_view, 2> kProtocols = {"http", "kubernetes.io/h2c"};

namespace field {
constexpr TypedField kMessages = {"MessagesRequest", "messages", "[]requesthandling.AnthropicMessage"};
constexpr TypedField kMessage = {"MessagesRequest", "messages", "requesthandling.AnthropicMessage"};
constexpr TypedField kRole = {"AnthropicMessage", "messages.role", "string"};
constexpr TypedField kTools = {"MessagesRequest", "tools", "[]requesthandling.AnthropicTool"};
constexpr TypedField kTool = {"MessagesRequest", "tools", "requesthandling.AnthropicTool"};
constexpr TypedField kToolName = {"AnthropicTool", "tools.name", "string"};
constexpr TypedField kToolDescription = {"AnthropicTool", "tools.description", "string"};
constexpr TypedField kToolStrict = {"AnthropicTool", "tools.strict", "bool"};
constexpr TypedField kToolDeferLoading = {"AnthropicTool", "tools.defer_loading", "bool"};
constexpr TypedField kCacheSalt = {"MessagesRequest", "cache_salt", "string"};
}  // namespace field

// The answer to whatever is wrong inside a content.
constexpr std::string_view kBadContent = "anthropic content: must be a string or an array of content blocks";

Error bad_request(std::string message) {
  return {ErrorCode::kBadRequest, std::move(message), {}};
}

bool matches_any(std::string_view key, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return key_matches(key, name); });
}

// These consume a value and say whether it is what it should be.

bool decode_optional_string(JsonReader& json) {
  JsonKind kind{};
  return json.peek(kind) && json.skip() && (kind == JsonKind::kString || kind == JsonKind::kNull);
}

bool decode_source(JsonReader& json) {
  JsonKind kind{};
  if (!json.peek(kind)) return false;
  if (kind != JsonKind::kObject) return json.skip() && kind == JsonKind::kNull;
  bool good = true;
  std::string_view key;
  json.enter_object();
  while (json.next_member(key)) {
    if (matches_any(key, {"type", "media_type", "data", "url"})) {
      good &= decode_optional_string(json);
    } else {
      json.skip();
    }
  }
  return good;
}

// A string, null, or an array of blocks. The `content` of a block (of a tool result) is such a value again; clients
// choose how deep that goes, so open blocks are counted here instead of on the stack.
bool decode_content(JsonReader& json) {
  enum class Next { kContent, kBlock, kMember };
  Next next = Next::kContent;
  std::size_t open_blocks = 0;
  bool good = true;
  JsonKind kind{};
  std::string_view key;
  for (;;) {
    switch (next) {
      case Next::kContent:
        if (!json.peek(kind)) return false;
        if (kind == JsonKind::kArray) {
          json.enter_array();
          next = Next::kBlock;
          break;
        }
        good &= decode_optional_string(json);
        if (open_blocks == 0) return good;
        next = Next::kMember;
        break;
      case Next::kBlock:
        if (!json.next_element()) {
          if (open_blocks == 0) return good;
          next = Next::kMember;
          break;
        }
        if (!json.peek(kind)) return false;
        if (kind != JsonKind::kObject) {
          good &= kind == JsonKind::kNull;
          json.skip();
          break;
        }
        json.enter_object();
        ++open_blocks;
        next = Next::kMember;
        break;
      case Next::kMember:
        if (!json.next_member(key)) {
          --open_blocks;
          next = Next::kBlock;
        } else if (key_matches(key, "content")) {
          next = Next::kContent;
        } else if (key_matches(key, "source")) {
          good &= decode_source(json);
        } else if (matches_any(key, {"type", "text", "id", "name", "tool_use_id", "thinking"})) {
          good &= decode_optional_string(json);
        } else {
          json.skip();
        }
        break;
    }
  }
}

void read_content(TypedReader& fields) {
  if (!decode_content(fields.json())) fields.fail(kBadContent);
}

void read_messages(TypedReader& fields, std::string_view& raw) {
  JsonKind kind{};
  raw = {};
  if (!fields.json().peek(kind)) return;
  const std::size_t start = fields.json().offset();
  bool empty = true;
  fields.elements(field::kMessages, [&](std::size_t) {
    empty = false;
    fields.members(field::kMessage, [&](std::string_view key) {
      if (key_matches(key, "role")) return fields.string(field::kRole);
      if (key_matches(key, "content")) return read_content(fields);
      fields.skip();
    });
  });
  if (!empty) raw = fields.json().since(start);
}

void read_system(TypedReader& fields, std::string_view& raw) {
  JsonKind kind{};
  raw = {};
  if (!fields.json().peek(kind)) return;
  const std::size_t start = fields.json().offset();
  read_content(fields);
  if (kind != JsonKind::kNull) raw = fields.json().since(start);
}

void read_tools(TypedReader& fields, std::string_view& raw) {
  JsonKind kind{};
  raw = {};
  if (!fields.json().peek(kind)) return;
  const std::size_t start = fields.json().offset();
  bool empty = true;
  fields.elements(field::kTools, [&](std::size_t) {
    empty = false;
    fields.members(field::kTool, [&](std::string_view key) {
      if (key_matches(key, "name")) return fields.string(field::kToolName);
      if (key_matches(key, "description")) return fields.string(field::kToolDescription);
      if (key_matches(key, "strict")) return fields.boolean(field::kToolStrict);
      if (key_matches(key, "defer_loading")) return fields.boolean(field::kToolDeferLoading);
      fields.skip();
    });
  });
  if (!empty) raw = fields.json().since(start);
}

/// Anthropic's messages API. Token counting is passed on unread.
class AnthropicParser final : public Parser {
 public:
  std::string_view type() const override { return "anthropic-parser"; }
  std::span<const std::string_view> claimed_suffixes() const override { return kSuffixes; }
  std::span<const std::string_view> protocols() const override { return kProtocols; }
  ParseResult parse(std::string_view path, std::string_view body) const override;
  std::unique_ptr<UsageExtractor> make_usage_extractor(ResponseFormat format) const override {
    return make_anthropic_usage_extractor(format);
  }
};

ParseResult AnthropicParser::parse(std::string_view path, std::string_view body) const {
  ParsedRequest request;
  request.body = body;
  if (path.ends_with("/messages/count_tokens")) {
    request.skip_response = true;
    return request;
  }
  if (!path.ends_with("/messages")) return bad_request("unsupported API endpoint: " + std::string(path));
  request.api = ApiKind::kMessages;
  request.model_rewritable = true;

  BodyDecoder decoder(request);
  TypedReader& fields = decoder.fields();
  const std::string error = decoder.decode([&](std::string_view key) {
    if (key == "max_tokens") return decoder.read_cap(request.max_output_tokens);
    if (key_matches(key, "messages")) return read_messages(fields, request.section.content);
    if (key_matches(key, "system")) return read_system(fields, request.section.system);
    if (key_matches(key, "tools")) return read_tools(fields, request.section.tools);
    if (key_matches(key, "cache_salt")) return fields.string(field::kCacheSalt, request.cache_salt);
    fields.skip();
  });
  if (!error.empty()) return bad_request("error unmarshaling request body: " + error);
  if (fields.failed()) return bad_request("error parsing messages request: " + fields.error());
  if (request.section.content.empty()) return bad_request("invalid messages request: must have at least one message");
  return request;
}

}  // namespace

std::unique_ptr<const Parser> make_anthropic_parser() {
  return std::make_unique<AnthropicParser>();
}

}  // namespace epp::request
