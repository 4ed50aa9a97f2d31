// draft-07 validation of a value, with errors for people. The only place that includes valijson.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace epp::config {

struct SchemaViolation {
  std::string pointer;   // into the validated value
  std::string text;      // the schema's `errorMessage`, else what constraint failed
  std::string expected;  // e.g. `an integer, at least 1`; "" when the schema says nothing short
};

// Every violation once per pointer, in document order where that is known. Throws std::runtime_error when the schema
// itself cannot be used.
std::vector<SchemaViolation> validate_schema(const nlohmann::ordered_json& value, const nlohmann::ordered_json& schema);

}  // namespace epp::config
