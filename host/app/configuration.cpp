#include "app/configuration.h"

#include "app/host_types.h"
#include "config/wiring.h"
#include "plugins/digest.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

namespace epp::app {

std::vector<std::string> plugin_directories(const config::Options& options,
                                            const std::vector<std::string>& from_document) {
  namespace fs = std::filesystem;
  std::vector<std::string> directories = options.plugin_directories;
  directories.insert(directories.end(), from_document.begin(), from_document.end());
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  const fs::path beside = binary.parent_path().parent_path() / "lib" / "epp" / "plugins";
  for (const fs::path& own : {beside, fs::path(EPP_INSTALLED_PLUGIN_DIR)}) {
    if (!fs::is_directory(own, error)) continue;
    directories.push_back(own.string());
    break;
  }
  return directories;
}

plugins::Catalogue load_types(const std::vector<std::string>& directories, const std::vector<plugins::LibraryPin>& pins,
                              std::vector<plugins::CatalogueProblem>& problems, plugins::LibraryCache* cache) {
  plugins::Catalogue catalogue = plugins::load_catalogue(directories, pins, problems, cache);
  for (config::PluginType& type : host_types()) {
    catalogue.add_host_type(std::move(type));
  }
  return catalogue;
}

namespace {

// Why libraries that the document names, and that no other file stands in for, are left out.
void report_named_libraries(const config::Config& document, const Configuration& configuration,
                            config::Diagnostics& diagnostics) {
  for (const config::PluginSpec& plugin : document.plugins) {
    const auto named = [&](const std::string& path) {
      return !plugin.library.empty() && plugins::names_library(plugin.library, path);
    };
    const auto loaded = configuration.catalogue.libraries_of(plugin.type);
    if (std::any_of(loaded.begin(), loaded.end(), named)) continue;
    for (const plugins::CatalogueProblem& problem : configuration.library_problems) {
      if (named(problem.path))
        diagnostics.error("the library is left out: " + problem.text, plugin.pointer + "/library");
    }
  }
}

}  // namespace

bool read_configuration(const config::Options& options, Configuration& configuration, config::Diagnostics& diagnostics,
                        plugins::LibraryCache* cache) {
  if (!config::load_config(options.config_file, options.config_text, configuration.loaded, diagnostics)) return false;
  const config::Config& document = configuration.loaded.config;
  std::vector<plugins::LibraryPin> pins;
  for (const config::PluginSpec& plugin : document.plugins) {
    if (!plugin.library.empty() && !plugin.sha256.empty()) pins.push_back({plugin.library, plugin.sha256});
  }
  configuration.plugin_directories = plugin_directories(options, document.plugin_directories);
  configuration.catalogue = load_types(configuration.plugin_directories, pins, configuration.library_problems, cache);
  report_named_libraries(document, configuration, diagnostics);
  return true;
}

bool wire_configuration(const config::Options& options, Configuration& configuration,
                        config::Diagnostics& diagnostics) {
  const config::WiringOptions wiring{.allow_experimental_plugins = options.allow_experimental_plugins};
  auto effective = config::wire(configuration.loaded.config, configuration.catalogue, wiring, diagnostics);
  if (!effective) return false;
  configuration.effective = std::move(*effective);
  return !diagnostics.has_errors();
}

std::string fingerprint_of(const Configuration& configuration) {
  plugins::Sha256 all;
  const auto add = [&all](std::string_view text) {
    all.update(text);
    all.update(std::string_view("\0", 1));
  };
  add(configuration.loaded.text);
  for (const plugins::LibraryPtr& library : configuration.catalogue.libraries()) {
    add(library->path());
    add(library->sha256());
  }
  for (const plugins::CatalogueProblem& problem : configuration.library_problems) {
    add(problem.path);
    add(problem.text);
  }
  return all.finish();
}

}  // namespace epp::app
