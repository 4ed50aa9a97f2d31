// A configuration text as a JSON tree, whatever it was written in. Internal to the room.
#pragma once

#include "config/diagnostics.h"

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace epp::config {

inline constexpr std::size_t kMaxDepth = 200;
inline constexpr std::size_t kMaxNodes = 1U << 18;       // after aliases are expanded
inline constexpr std::size_t kMaxTextBytes = 16U << 20;  // of all names and scalars, after aliases are expanded

enum class Syntax { kJson, kYaml };

// JSON when the first non-blank character is '{'.
Syntax detect_syntax(std::string_view text);

// Parses the first document of `text` and records in `source` where each value begins. An empty document is null.
// Repeated keys and malformed text are errors, their texts starting with `prefix`; false when no tree could be made.
// In JSON, keys may repeat inside a plugin's `parameters`, where the last one wins.
bool parse_document(std::string_view text, std::string_view prefix, nlohmann::ordered_json& tree, SourceMap& source,
                    Diagnostics& diagnostics);

// The two readers behind it.
bool yaml_to_json(std::string_view text, std::string_view prefix, nlohmann::ordered_json& tree, SourceMap& source,
                  Diagnostics& diagnostics);
bool read_json(std::string_view text, std::string_view prefix, nlohmann::ordered_json& tree, SourceMap& source,
               Diagnostics& diagnostics);

}  // namespace epp::config
