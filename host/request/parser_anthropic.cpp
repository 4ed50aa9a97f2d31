#include "request/body_decoder.h"
#include "request/parser.h"

#include <array>
#include <utility>

namespace epp::request {
namespace {

constexpr std::array<std::string_view, 2> kSuffixes = {"messages", "messages/count_tokens"};
constexpr std::array<std::string_view, 2> kProtocols = {"http", "kubernetes.io/h2c"};

// A tool result holds content blocks again. Deeper ones than this are not type-checked: no API nests them at all.
constexpr int kMaxNestedContent = 8;

Error bad_request(std::string message) {
  return {ErrorCode::kBadRequest, std::move(message), {}};
}

void read_content(TypedReader& fields, int nesting);

void read_source(TypedReader& fields) {
  fields.members("messages.content.source", [&](std::string_view key) {
    for (std::string_view name : {"type", "media_type", "data", "url"}) {
      if (key_matches(key, name)) return fields.string("messages.content.source");
    }
    fields.skip();
  });
}

void read_block(TypedReader& fields, int nesting) {
  fields.members("messages.content", [&](std::string_view key) {
    if (key_matches(key, "source")) return read_source(fields);
    if (key_matches(key, "content")) return read_content(fields, nesting + 1);
    for (std::string_view name : {"type", "text", "id", "name", "tool_use_id", "thinking"}) {
      if (key_matches(key, name)) return fields.string("messages.content");
    }
    fields.skip();
  });
}

void read_content(TypedReader& fields, int nesting) {
  JsonKind kind{};
  if (!fields.json().peek(kind)) return;
  switch (kind) {
    case JsonKind::kString:
    case JsonKind::kNull:
      return fields.skip();
    case JsonKind::kArray:
      if (nesting > kMaxNestedContent) return fields.skip();
      return fields.elements("messages.content", [&](std::size_t) { read_block(fields, nesting); });
    default:
      break;
  }
  fields.skip();
  fields.fail("anthropic content: must be a string or an array of content blocks");
}

void read_messages(TypedReader& fields, std::string_view& raw) {
  JsonKind kind{};
  raw = {};
  if (!fields.json().peek(kind)) return;
  const std::size_t start = fields.json().offset();
  bool empty = true;
  fields.elements("messages", [&](std::size_t) {
    empty = false;
    fields.members("messages", [&](std::string_view key) {
      if (key_matches(key, "role")) return fields.string("messages.role");
      if (key_matches(key, "content")) return read_content(fields, 0);
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
  read_content(fields, 0);
  if (kind != JsonKind::kNull) raw = fields.json().since(start);
}

void read_tools(TypedReader& fields, std::string_view& raw) {
  JsonKind kind{};
  raw = {};
  if (!fields.json().peek(kind)) return;
  const std::size_t start = fields.json().offset();
  bool empty = true;
  fields.elements("tools", [&](std::size_t) {
    empty = false;
    fields.members("tools", [&](std::string_view key) {
      if (key_matches(key, "name")) return fields.string("tools.name");
      if (key_matches(key, "description")) return fields.string("tools.description");
      if (key_matches(key, "strict")) return fields.boolean("tools.strict");
      if (key_matches(key, "defer_loading")) return fields.boolean("tools.defer_loading");
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
    if (key_matches(key, "cache_salt")) return fields.string("cache_salt", request.cache_salt);
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
