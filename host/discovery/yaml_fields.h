// Reading typed fields out of a YAML document, with errors that say where. Inner header of this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

namespace epp::discovery {

// A value of the wrong type or range. `text` is complete.
struct FieldError {
  std::string text;
};

// "line 7: ", or nothing when the place is not known.
[[nodiscard]] std::string where(const YAML::Node& node);

// Field names match without regard to case, as in the Go ecosystem.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

// The value of a field; nullopt for null, which leaves the default. Each throws FieldError. `field` names it in the
// error.
[[nodiscard]] std::optional<std::string> string_of(const YAML::Node& node, const std::string& field);
[[nodiscard]] std::optional<std::int32_t> int32_of(const YAML::Node& node, const std::string& field);
[[nodiscard]] std::optional<double> positive_number_of(const YAML::Node& node, const std::string& field);

}  // namespace epp::discovery
