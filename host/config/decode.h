// Text -> Config: strict decoding, deprecation folding, feature gates, static defaults.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace epp::config {

inline constexpr std::size_t kMaxDocumentBytes = 4U << 20;

struct LoadedConfig {
  std::string text;  // as it was read
  Config config;
  SourceMap source;
};

// Decodes one document: JSON when its first non-blank character is '{', else the first YAML document.
// A zero-length text is the built-in default configuration; blanks and comments alone are an empty object.
// Errors go to `diagnostics`; `source` is filled as far as the text could be read, so that they can be rendered.
// Returns whether a Config was made, which then may be used although warnings were added.
bool decode_config(std::string_view text, const std::string& file, LoadedConfig& loaded, Diagnostics& diagnostics);

// The document that --config-text (wins when not empty) or --config-file names, else the built-in default.
bool load_config(const std::string& config_file, const std::string& config_text, LoadedConfig& loaded,
                 Diagnostics& diagnostics);

// The built-in default configuration, as a document.
std::string_view default_document();

}  // namespace epp::config
