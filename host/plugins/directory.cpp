#include "plugins/directory.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

namespace epp::plugins {

namespace fs = std::filesystem;

DirectoryListing find_libraries(std::span<const std::string> directories) {
  DirectoryListing listing;
  std::set<fs::path> seen;
  for (const std::string& directory : directories) {
    std::error_code error;
    fs::directory_iterator entries(directory, error);
    std::vector<std::string> found;
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      std::error_code unreadable;
      if (entries->path().extension() == ".so" && entries->is_regular_file(unreadable)) {
        found.push_back(entries->path().string());
      }
    }
    if (error) {
      listing.problems.push_back("cannot read plugin directory \"" + directory + "\": " + error.message());
      continue;
    }
    std::sort(found.begin(), found.end());
    for (std::string& path : found) {
      std::error_code ignored;
      if (seen.insert(fs::weakly_canonical(path, ignored)).second) listing.libraries.push_back(std::move(path));
    }
  }
  return listing;
}

}  // namespace epp::plugins
