// The shape of a draft-07 JSON Schema, as a schema: which keywords take what.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace epp::check {

const nlohmann::ordered_json& meta_schema();

}  // namespace epp::check
