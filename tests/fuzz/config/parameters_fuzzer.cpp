// Parameters from anywhere against schemas of every shape; the first byte chooses the schema. What is accepted is in
// its normal form: accepted again, unchanged.
#include "config/decode.h"
#include "config/parameters.h"
#include "fuzz/config/require.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::config {
namespace {

constexpr std::array<std::string_view, 5> kSchemas{
    R"({"type": "object", "additionalProperties": false, "required": ["path"],
        "properties": {"path": {"type": "string", "minLength": 1, "pattern": "^[a-z/]+$"},
                       "ratio": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
                       "mode": {"enum": ["a", "b", 3]},
                       "note": {"type": ["string", "null"], "maxLength": 5}}})",
    R"({"type": "object", "additionalProperties": false,
        "properties": {"child": {"$ref": "#"}, "list": {"type": "array", "maxItems": 3, "items": {"$ref": "#"}},
                       "count": {"type": "integer", "multipleOf": 2}}})",
    R"({"oneOf": [{"type": "object", "properties": {"profiles": {"type": "object"}}, "additionalProperties": false},
                  {"type": "object", "properties": {"decode": {"type": "string"}}, "required": ["decode"],
                   "additionalProperties": false}]})",
    R"({"type": "object", "properties": {
          "deciders": {"type": "object", "properties": {
              "prefill": {"type": "string", "x-epp-plugin-reference": true},
              "others": {"type": "array", "items": {"type": "string"}, "x-epp-plugin-reference": true}}},
          "fallback": {"type": "string", "default": "f", "x-epp-plugin-reference": true}},
        "if": {"required": ["fallback"]}, "then": {"required": ["deciders"]}})",
    R"({"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "patternProperties": {"^x-": {}}, "propertyNames": {"maxLength": 8}, "minProperties": 1})"};

void check(std::string_view schema, std::string_view text) {
  // Through a document, as in life.
  LoadedConfig loaded;
  Diagnostics decoding;
  const std::string document = R"({"plugins": [{"type": "t", "parameters": )" + std::string(text) + "}]}";
  if (!decode_config(document, "f", loaded, decoding)) return;
  if (loaded.config.plugins.size() != 1) return;
  const auto& raw = loaded.config.plugins[0].parameters;

  const ParameterCheck rules{schema, "/plugins/0/parameters", ""};
  Diagnostics diagnostics;
  const auto normal = check_parameters(raw, rules, diagnostics);
  for (const auto& item : diagnostics.all())
    require(!render(item, loaded.source).empty());
  if (diagnostics.has_errors()) return;
  require(normal.has_value() == raw.has_value());

  Diagnostics none;
  require(check_parameters(normal, rules, none) == normal && !none.has_errors());
  for (const auto& name : plugin_references(schema, normal))
    require(!name.empty());
}

}  // namespace
}  // namespace epp::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using epp::config::kSchemas;
  epp::config::check(kSchemas[data[0] % kSchemas.size()], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
