#include "app/configuration.h"

#include "app/host_types.h"
#include "config/wiring.h"

#include <filesystem>

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
                              std::vector<plugins::CatalogueProblem>& problems) {
  plugins::Catalogue catalogue = plugins::load_catalogue(directories, pins, problems);
  for (config::PluginType& type : host_types()) {
    catalogue.add_host_type(std::move(type));
  }
  return catalogue;
}

bool load_configuration(const config::Options& options, Configuration& configuration,
                        config::Diagnostics& diagnostics) {
  if (!config::load_config(options.config_file, options.config_text, configuration.loaded, diagnostics)) return false;
  const config::Config& document = configuration.loaded.config;

  std::vector<plugins::LibraryPin> pins;
  for (const config::PluginSpec& plugin : document.plugins) {
    if (!plugin.library.empty() && !plugin.sha256.empty()) pins.push_back({plugin.library, plugin.sha256});
  }
  configuration.catalogue =
      load_types(plugin_directories(options, document.plugin_directories), pins, configuration.library_problems);

  const config::WiringOptions wiring{.allow_experimental_plugins = options.allow_experimental_plugins};
  auto effective = config::wire(document, configuration.catalogue, wiring, diagnostics);
  if (!effective) return false;
  configuration.effective = std::move(*effective);
  return !diagnostics.has_errors();
}

}  // namespace epp::app
