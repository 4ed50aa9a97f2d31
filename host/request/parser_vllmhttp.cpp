#include "request/body_decoder.h"
#include "request/parser.h"

#include <array>
#include <charconv>
#include <utility>

namespace epp::request {
namespace {

constexpr std::array<std::string_view, 1> kSuffixes = {"inference/v1/generate"};
constexpr std::array<std::string_view, 2> kProtocols = {"http", "kubernetes.io/h2c"};

namespace field {
constexpr TypedField kTokenIds = {"", "token_ids", "[]float64"};
constexpr TypedField kTokenId = {"", "token_ids", "float64"};
constexpr TypedField kCacheSalt = {"", "cache_salt", "string"};
constexpr TypedField kFeatures = {
    "", "features",
    R"(struct { MMHashes map[string][]string "json:\"mm_hashes\""; )"
    R"(MMPlaceholders map[string][]requesthandling.wirePlaceholder "json:\"mm_placeholders\"" })"};
constexpr TypedField kHashes = {"", "features.mm_hashes", "map[string][]string"};
constexpr TypedField kHashList = {"", "features.mm_hashes", "[]string"};
constexpr TypedField kHash = {"", "features.mm_hashes", "string"};
constexpr TypedField kPlaces = {"", "features.mm_placeholders", "map[string][]requesthandling.wirePlaceholder"};
constexpr TypedField kPlaceList = {"", "features.mm_placeholders", "[]requesthandling.wirePlaceholder"};
constexpr TypedField kPlace = {"", "features.mm_placeholders", "requesthandling.wirePlaceholder"};
constexpr TypedField kOffset = {"wirePlaceholder", "features.mm_placeholders.offset", "int"};
constexpr TypedField kLength = {"wirePlaceholder", "features.mm_placeholders.length", "int"};
}  // namespace field

Error bad_request(std::string message) {
  return {ErrorCode::kBadRequest, std::move(message), {}};
}

// What is known of the token ids. They are any numbers to the type check; that they are ids is checked after it.
struct TokenIds {
  bool empty = true;
  std::string invalid;  // the error of the first number that is no id
};

// "token_ids[3]: invalid value 1.5", the number as C's shortest %g prints it.
std::string invalid_id(std::size_t index, std::string_view literal) {
  char buffer[32];
  const double value = parse_double(literal);
  const auto printed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general);
  return "token_ids[" + std::to_string(index) + "]: invalid value " + std::string(buffer, printed.ptr);
}

// Null is id 0.
void read_token_ids(TypedReader& fields, std::string_view& raw, TokenIds& ids) {
  JsonReader& json = fields.json();
  JsonKind kind{};
  raw = {};
  ids = {};
  if (!json.peek(kind)) return;
  const std::size_t start = json.offset();
  fields.elements(field::kTokenIds, [&](std::size_t index) {
    ids.empty = false;
    const auto literal = fields.number(field::kTokenId);
    if (literal && !parse_token_id(*literal) && ids.invalid.empty()) ids.invalid = invalid_id(index, *literal);
  });
  if (kind == JsonKind::kArray) raw = json.since(start);
}

// {modality: [hash, ...]}
void read_hashes(TypedReader& fields) {
  fields.members(field::kHashes, [&](std::string_view) {
    fields.elements(field::kHashList, [&](std::size_t) { fields.string(field::kHash); });
  });
}

// {modality: [{"offset": n, "length": n}, ...]}
void read_placeholders(TypedReader& fields) {
  fields.members(field::kPlaces, [&](std::string_view) {
    fields.elements(field::kPlaceList, [&](std::size_t) {
      fields.members(field::kPlace, [&](std::string_view key) {
        if (key_matches(key, "offset")) return fields.integer(field::kOffset);
        if (key_matches(key, "length")) return fields.integer(field::kLength);
        fields.skip();
      });
    });
  });
}

void read_features(TypedReader& fields, TypedSection& section) {
  fields.members(field::kFeatures, [&](std::string_view key) {
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
  TokenIds ids;
  const std::string error = decoder.decode([&](std::string_view key) {
    if (key == "sampling_params") return decoder.read_nested_cap("max_tokens", request.max_output_tokens);
    if (key_matches(key, "token_ids")) return read_token_ids(fields, request.section.content, ids);
    if (key_matches(key, "cache_salt")) return fields.string(field::kCacheSalt, request.cache_salt);
    if (key_matches(key, "features")) return read_features(fields, request.section);
    fields.skip();
  });
  if (!error.empty()) return bad_request(error);
  if (fields.failed()) return bad_request("invalid generate request: " + fields.error());
  if (ids.empty) return bad_request("invalid generate request: must have non-empty token_ids field");
  if (!ids.invalid.empty()) return bad_request("invalid generate request: " + ids.invalid);
  return request;
}

}  // namespace

std::unique_ptr<const Parser> make_vllmhttp_parser() {
  return std::make_unique<VllmHttpParser>();
}

}  // namespace epp::request
