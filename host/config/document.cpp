#include "config/document.h"

#include <nlohmann/json.hpp>

namespace epp::config {

Syntax detect_syntax(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n\v\f");
  return first != std::string_view::npos && text[first] == '{' ? Syntax::kJson : Syntax::kYaml;
}

bool parse_document(std::string_view text, std::string_view prefix, nlohmann::ordered_json& tree, SourceMap& source,
                    Diagnostics& diagnostics) {
  return detect_syntax(text) == Syntax::kJson ? read_json(text, prefix, tree, source, diagnostics)
                                              : yaml_to_json(text, prefix, tree, source, diagnostics);
}

}  // namespace epp::config
