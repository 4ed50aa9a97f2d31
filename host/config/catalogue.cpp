#include "config/catalogue.h"

#include "config/parameters.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace epp::config {
namespace {

// Indexed by Role.
constexpr std::array<std::string_view, 24> kRoleNames{"request-header",  "screener",        "producer",
                                                      "admitter",        "filter",          "scorer",
                                                      "picker",          "profile-handler", "pre-request",
                                                      "response-header", "response-body",   "response-complete",
                                                      "fairness",        "ordering",        "saturation-detector",
                                                      "usage-limits",    "eviction-filter", "eviction-ordering",
                                                      "decider",         "parser",          "data-source",
                                                      "extractor",       "discovery",       "cross-replica-syncer"};
static_assert(kRoleNames.size() == static_cast<std::size_t>(Role::kCrossReplicaSyncer) + 1);

}  // namespace

std::string_view role_name(Role role) {
  return kRoleNames[static_cast<std::size_t>(role)];
}

std::vector<std::string_view> role_names(RoleSet roles) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kRoleNames.size(); ++i) {
    if (roles.has(static_cast<Role>(i))) names.push_back(kRoleNames[i]);
  }
  return names;
}

std::string_view stability_name(Stability stability) {
  switch (stability) {
    case Stability::kAlpha:
      return "Alpha";
    case Stability::kBeta:
      return "Beta";
    case Stability::kStable:
      return "Stable";
  }
  return "";
}

std::vector<std::string> Catalogue::references(const PluginType& type,
                                               const std::optional<std::string>& parameters) const {
  return plugin_references(type.parameters_schema, parameters);
}

const PluginType* Catalogue::default_producer(std::string_view key) const {
  for (const PluginType* type : types()) {
    const auto& keys = type->default_producer_of;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return type;
  }
  return nullptr;
}

}  // namespace epp::config
