#include "request/body_decoder.h"
#include "request/parser.h"

#include <array>
#include <utility>

namespace epp::request {
namespace {

constexpr std::array<std::string_view, 1> kSuffixes = {"inference/v1/generate"};
constexpr std::array<std::string_view, 2> kProtocols = {"http", "kubernetes.io/h2c"};

Error bad_request(std::string message) {
  return {ErrorCode::kBadRequest, std::move(message), {}};
}

void read_token_ids(TypedReader& fields, std::string_view& raw, bool& empty) {
  JsonReader& json = fields.json();
  JsonKind kind{};
  raw = {};
  empty = true;
  if (!json.peek(kind)) return;
  const std::size_t start = json.offset();
  fields.elements("token_ids", [&](std::size_t index) {
    empty = false;
    std::string_view literal;
    if (json.skip(literal) && !parse_token_id(literal)) {
      fields.fail("token_ids[" + std::to_string(index) + "]: invalid value " + std::string(literal));
    }
  });
  if (kind == JsonKind::kArray) raw = json.since(start);
}

// {modality: [hash, ...]}
void read_hashes(TypedReader& fields) {
  fields.members("features.mm_hashes", [&](std::string_view) {
    fields.elements("features.mm_hashes", [&](std::size_t) { fields.string("features.mm_hashes"); });
  });
}

// {modality: [{"offset": n, "length": n}, ...]}
void read_placeholders(TypedReader& fields) {
  fields.members("features.mm_placeholders", [&](std::string_view) {
    fields.elements("features.mm_placeholders", [&](std::size_t) {
      fields.members("features.mm_placeholders", [&](std::string_view key) {
        if (key_matches(key, "offset")) return fields.integer("features.mm_placeholders.offset");
        if (key_matches(key, "length")) return fields.integer("features.mm_placeholders.length");
        fields.skip();
      });
    });
  });
}

void read_features(TypedReader& fields, TypedSection& section) {
  fields.members("features", [&](std::string_view key) {
    const bool hashes = key_matches(key, "mm_hashes");
    if (!hashes && !key_matches(key, "mm_placeholders")) return fields.skip();
    JsonKind kind{};
    if (!fields.json().peek(kind)) return;
    const std::size_t start = fields.json().offset();
    hashes ? read_hashes(fields) : read_placeholders(fields);
    (hashes ? section.mm_hashes : section.mm_placeholders) =
        kind == JsonKind::kNull ? std::string_view() : fields.json().since(start);
  });
}

/// vLLM's own tokens-in, tokens-out API.
class VllmHttpParser final : public Parser {
 public:
  std::string_view type() const override { return "vllmhttp-parser"; }
  std::span<const std::string_view> claimed_suffixes() const override { return kSuffixes; }
  std::span<const std::string_view> protocols() const override { return kProtocols; }
  ParseResult parse(std::string_view path, std::string_view body) const override;
  std::unique_ptr<UsageExtractor> make_usage_extractor(ResponseFormat format) const override {
    return make_openai_usage_extractor(format);
  }
};

ParseResult VllmHttpParser::parse(std::string_view path, std::string_view body) const {
  if (!path.ends_with(kSuffixes[0])) return bad_request("unsupported path: " + std::string(path));
  ParsedRequest request;
  request.api = ApiKind::kGenerate;
  request.body = body;
  request.model_rewritable = true;

  BodyDecoder decoder(request);
  TypedReader& fields = decoder.fields();
  bool empty = true;
  const std::string error = decoder.decode([&](std::string_view key) {
    if (key == "sampling_params") return decoder.read_nested_cap("max_tokens", request.max_output_tokens);
    if (key_matches(key, "token_ids")) return read_token_ids(fields, request.section.content, empty);
    if (key_matches(key, "cache_salt")) return fields.string("cache_salt", request.cache_salt);
    if (key_matches(key, "features")) return read_features(fields, request.section);
    fields.skip();
  });
  if (!error.empty()) return bad_request(error);
  if (fields.failed()) return bad_request("invalid generate request: " + fields.error());
  if (empty) return bad_request("invalid generate request: must have non-empty token_ids field");
  return request;
}

}  // namespace

std::unique_ptr<const Parser> make_vllmhttp_parser() {
  return std::make_unique<VllmHttpParser>();
}

}  // namespace epp::request
