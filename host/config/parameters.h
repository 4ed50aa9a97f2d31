// A plugin's parameters against its JSON Schema, by the rules of the reference: property names match without regard
// to case (exact first), null members are absent, unknown names are errors, then the schema's own constraints.
#pragma once

#include "config/diagnostics.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config {

struct ParameterCheck {
  std::string_view schema;   // JSON Schema text; "", "true" and "{}" accept anything
  std::string_view pointer;  // of the `parameters` value in the document
  std::string_view prefix;   // put before every error text
};

// True when the schema says that parameters are ignored.
bool ignores_parameters(std::string_view schema);

// `raw` is the JSON text of the parameters, or nullopt when there are none. Returns the text to hand to the plugin:
// declared spelling of the names, no nulls, no repeated names. nullopt stays nullopt, but constraints such as
// `required` are checked all the same. On errors (added to `diagnostics`) the result is unspecified.
std::optional<std::string> check_parameters(const std::optional<std::string>& raw, const ParameterCheck& check,
                                            Diagnostics& diagnostics);

// Names of the plugin instances that normalised parameters refer to: properties marked `x-epp-plugin-reference`,
// in document order, empty strings left out.
std::vector<std::string> plugin_references(std::string_view schema, const std::optional<std::string>& parameters);

}  // namespace epp::config
