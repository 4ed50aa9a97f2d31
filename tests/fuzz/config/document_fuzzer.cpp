// YAML or JSON from anywhere: what is accepted is a JSON tree that reads back as itself, and each of its values has a
// position inside the text.
#include "config/document.h"
#include "fuzz/config/require.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

std::string print(const Json& tree) {
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void check_positions(const Json& value, const std::string& pointer, const SourceMap& source, std::size_t lines) {
  const Position at = source.find(pointer);
  require(at.line >= 1 && at.line <= lines && at.column >= 1);
  if (value.is_object()) {
    for (const auto& [name, member] : value.items())
      check_positions(member, child_pointer(pointer, name), source, lines);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      check_positions(value[i], child_pointer(pointer, i), source, lines);
  }
}

void check(std::string_view text) {
  Json tree;
  SourceMap source("f");
  Diagnostics diagnostics;
  const bool made = parse_document(text, "", tree, source, diagnostics);
  require(made || diagnostics.has_errors());
  for (const auto& item : diagnostics.all())
    require(!render(item, source).empty());
  if (!made || tree.is_null()) return;
  // YAML also counts a lone carriage return as the end of a line.
  const auto lines = std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r') + 1;
  check_positions(tree, "", source, static_cast<std::size_t>(lines));

  const std::string printed = print(tree);
  Json again;
  SourceMap other;
  Diagnostics none;
  require(read_json(printed, "", again, other, none));
  // Invalid UTF-8 was replaced, which may make two names equal.
  if (!none.has_errors()) require(print(again) == printed);
}

}  // namespace
}  // namespace epp::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::config::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
