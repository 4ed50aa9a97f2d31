// The walk of a parameter value along its JSON Schema: names are brought to their declared spelling, unknown ones
// reported, plugin references collected. Internal to the room.
#pragma once

#include "config/diagnostics.h"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::config {

using OrderedJson = nlohmann::ordered_json;

// A subschema with `$ref`s into the document's own definitions followed; never null.
const OrderedJson& resolve_schema(const OrderedJson& schema, const OrderedJson& root);

// The subschemas that apply to one value: the schema itself and those of its allOf, anyOf, oneOf, if/then/else.
std::vector<const OrderedJson*> applicable_schemas(const OrderedJson& schema, const OrderedJson& root);

// The first declaration of property `name` among them, or nullptr.
const OrderedJson* find_property(const std::vector<const OrderedJson*>& schemas, std::string_view name);

struct NameCheck {
  const OrderedJson& root;
  std::string_view prefix;
  Diagnostics& diagnostics;
};

// Rewrites `value` in place; `pointer` is where it stands in the document.
void normalise_names(OrderedJson& value, const OrderedJson& schema, const std::string& pointer, const NameCheck& check);

void collect_references(const OrderedJson& value, const OrderedJson& schema, const OrderedJson& root,
                        std::vector<std::string>& names);

}  // namespace epp::config
