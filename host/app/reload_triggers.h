// What asks for a reload by itself: a change of the configuration file, or of the libraries in the plugin directories.
#pragma once

#include "config/options.h"
#include "net/file_watcher.h"
#include "net/io_pool.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::app {

class ReloadTriggers {
 public:
  // [pool threads, concurrent] Must not block.
  using Trigger = std::function<void(std::string_view why)>;

  // Without --watch-config-file it watches nothing; a configuration that is no file is not watched.
  ReloadTriggers(net::IoPool& pool, const config::Options& options, Trigger trigger);

  // Watches these directories from now on. If they are others than before it asks for a reload: something may have
  // changed between the reading and the watch. One call at a time.
  void watch(const std::vector<std::string>& directories);

 private:
  net::IoPool& pool_;
  const bool enabled_;
  const Trigger trigger_;
  std::unique_ptr<net::FileWatcher> file_;
  std::vector<std::string> watched_;
  std::unique_ptr<net::DirectoryWatcher> directories_;
};

}  // namespace epp::app
