#ifndef EPP_CONFIG_JSON_TEXT_H_
#define EPP_CONFIG_JSON_TEXT_H_

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace epp::config {

// `value` as JSON text, compact when `indent` is negative. Never throws: bytes that are not UTF-8 (YAML's !!binary
// gives them, and so may a library's description) become U+FFFD.
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace epp::config

#endif  // EPP_CONFIG_JSON_TEXT_H_
