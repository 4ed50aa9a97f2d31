// The libraries that are loaded, by path: a file that did not change is the same library for every generation of the
// configuration.
#pragma once

#include "plugins/library.h"
#include "plugins/library_image.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace epp::plugins {

// Keeps no library loaded: one that nobody uses any more is unloaded, and loaded anew when it is asked for again.
// [main]
class LibraryCache {
 public:
  // Like Library::load, but for a path whose file has the digest of the library that was loaded from it last, which is
  // then shared. The file is read only when its identity changed; pin and permissions are judged anew every time.
  LibraryPtr load(const std::string& path, const LoadOptions& options, std::string& error);

 private:
  struct Entry {
    std::weak_ptr<const Library> library;
    std::optional<FileIdentity> identity;
  };
  std::map<std::string, Entry> entries_;  // by path as given
};

}  // namespace epp::plugins
