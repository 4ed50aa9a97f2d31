#include "app/reload_triggers.h"

#include <chrono>
#include <utility>

namespace epp::app {
namespace {

constexpr net::FileWatcherOptions kFile{.debounce = std::chrono::milliseconds(100)};
// Several libraries are often replaced in one go.
constexpr net::FileWatcherOptions kLibraries{.debounce = std::chrono::milliseconds(250)};

}  // namespace

ReloadTriggers::ReloadTriggers(net::IoPool& pool, const config::Options& options, Trigger trigger)
    : pool_(pool), enabled_(options.watch_config_file), trigger_(std::move(trigger)) {
  if (!enabled_ || options.config_file.empty()) return;
  file_ = std::make_unique<net::FileWatcher>(
      pool_, options.config_file, [this](net::FileEvent) { trigger_("the configuration file changed"); }, kFile);
}

void ReloadTriggers::watch(const std::vector<std::string>& directories) {
  if (!enabled_ || directories == watched_) return;
  watched_ = directories;
  directories_ = std::make_unique<net::DirectoryWatcher>(
      pool_, watched_, ".so", [this] { trigger_("a plugin library changed"); }, kLibraries);
  trigger_("the watch begins");
}

}  // namespace epp::app
