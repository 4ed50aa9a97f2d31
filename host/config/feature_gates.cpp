#include "config/feature_gates.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

namespace epp::config {
namespace {

constexpr std::string_view kPrefix = "failed to parse config - feature gate validation failed: ";

std::string trim_and_lower(std::string_view text) {
  const auto blank = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && blank(text.back()))
    text.remove_suffix(1);
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "1" || text == "t" || text == "true") return true;
  if (text == "0" || text == "f" || text == "false") return false;
  return std::nullopt;
}

bool* gate(FeatureGates& gates, std::string_view name) {
  if (name == "flowControl") return &gates.flow_control;
  if (name == "haPopulateNonLeaderDatastore") return &gates.ha_populate_non_leader_datastore;
  return nullptr;
}

}  // namespace

FeatureGates parse_feature_gates(const std::vector<std::string>& entries, Diagnostics& diagnostics) {
  FeatureGates gates;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& entry = entries[i];
    const std::string pointer = child_pointer("/featureGates", i);
    const auto equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    bool* value = gate(gates, name);
    if (value == nullptr) {
      diagnostics.error(std::string(kPrefix) + "feature gate '" + name + "' is unknown or unregistered", pointer,
                        "one of flowControl, haPopulateNonLeaderDatastore",
                        nearest_name(name, {"flowControl", "haPopulateNonLeaderDatastore"}));
      continue;
    }
    if (equals == std::string::npos) {
      *value = true;
      continue;
    }
    // What follows a second '=' is ignored.
    const std::string text = trim_and_lower(entry.substr(equals + 1, entry.find('=', equals + 1) - equals - 1));
    const auto parsed = parse_bool(text);
    if (!parsed) {
      diagnostics.error(std::string(kPrefix) + text + " is not a valid value for the feature gate " + name +
                            " (error: strconv.ParseBool: parsing \"" + text + "\": invalid syntax)",
                        pointer, "1, t, true, 0, f or false");
      continue;
    }
    *value = *parsed;
  }
  return gates;
}

}  // namespace epp::config
