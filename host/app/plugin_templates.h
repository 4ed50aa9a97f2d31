// The templates of `epp plugins new`, as they stand in sdk/templates.
#pragma once

#include <span>
#include <string_view>

namespace epp::app {

struct PluginTemplate {
  std::string_view language;  // "c", "cpp", "rust", or "common" for all of them
  std::string_view path;      // within the skeleton
  std::string_view text;
};

std::span<const PluginTemplate> plugin_templates();

}  // namespace epp::app
