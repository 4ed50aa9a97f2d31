// How findings about the configuration are told to people.
#pragma once

#include "config/diagnostics.h"

#include <string>

namespace epp::app {

// The rendered finding behind a word for its severity; errors stand alone. Upstream's own wording of some findings
// begins with that word already.
inline std::string report_line(const config::Diagnostic& diagnostic, const config::SourceMap& source) {
  std::string text = render(diagnostic, source);
  if (diagnostic.severity == config::Severity::kError) return text;
  if (text.starts_with("WARNING") || text.starts_with("DEPRECATION")) return text;
  return (diagnostic.severity == config::Severity::kWarning ? "WARNING: " : "DEPRECATION: ") + text;
}

}  // namespace epp::app
