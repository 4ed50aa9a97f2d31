// Configuration of one generation: document, plugin libraries, and the effective configuration wired from both.
#pragma once

#include "config/decode.h"
#include "config/diagnostics.h"
#include "config/effective_config.h"
#include "config/options.h"
#include "plugins/catalogue.h"

#include <memory>
#include <string>
#include <vector>

namespace epp::app {

struct Configuration {
  config::LoadedConfig loaded;
  std::vector<std::string> plugin_directories;  // searched, in order
  plugins::Catalogue catalogue;
  std::vector<plugins::CatalogueProblem> library_problems;  // libraries that were left out
  config::EffectiveConfig effective;
};

// Where plugins are searched, in order: --plugin-dir, EPP_PLUGIN_PATH, the document's pluginDirectories, and the
// directory that belongs to this binary (../lib/epp/plugins beside it, else the installed one).
std::vector<std::string> plugin_directories(const config::Options& options,
                                            const std::vector<std::string>& from_document);

// The types at hand: libraries of `directories`, through `cache` where there is one, and the host's own.
plugins::Catalogue load_types(const std::vector<std::string>& directories, const std::vector<plugins::LibraryPin>& pins,
                              std::vector<plugins::CatalogueProblem>& problems, plugins::LibraryCache* cache = nullptr);

// In two steps, so that nothing is wired when nothing has changed. Each is false when `diagnostics` has errors;
// whatever was understood stands in `configuration`, whose source map places the diagnostics.
//
// Reads and decodes the document and loads the libraries.
bool read_configuration(const config::Options& options, Configuration& configuration, config::Diagnostics& diagnostics,
                        plugins::LibraryCache* cache = nullptr);
// Wires what was read.
bool wire_configuration(const config::Options& options, Configuration& configuration, config::Diagnostics& diagnostics);

// Of all that was read: document, libraries, and libraries that were left out.
std::string fingerprint_of(const Configuration& configuration);

}  // namespace epp::app
