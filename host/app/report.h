// How findings about the configuration are told to people.
#pragma once

#include "config/diagnostics.h"

#include <string_view>

namespace epp::app {

constexpr std::string_view severity_name(config::Severity severity) {
  switch (severity) {
    case config::Severity::kError:
      return "error";
    case config::Severity::kWarning:
      return "warning";
    case config::Severity::kDeprecation:
      return "deprecated";
  }
  return "error";
}

}  // namespace epp::app
