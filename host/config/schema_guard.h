// What must hold before a schema and a value are handed to the validator, which would run out of stack otherwise.
// Internal to the room.
#pragma once

#include "config/json_schema.h"

#include <cstddef>
#include <optional>

#include <nlohmann/json_fwd.hpp>

namespace epp::config {

// std::regex recurses for each byte that it matches.
inline constexpr std::size_t kLongestMatchedText = 4096;

// Throws std::runtime_error when some subschema comes back to itself by `$ref`, allOf, not and the like alone, without
// stepping into the value in between.
void refuse_endless_references(const nlohmann::ordered_json& schema);

// The first name or string of `value` that is too long to be matched against a pattern, when `schema` has any.
std::optional<SchemaViolation> find_overlong_text(const nlohmann::ordered_json& value,
                                                  const nlohmann::ordered_json& schema);

}  // namespace epp::config
