// Finding plugin libraries: the *.so files of a list of directories.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace epp::plugins {

struct DirectoryListing {
  std::vector<std::string> libraries;  // paths: directories in the given order, files by name, no file twice
  std::vector<std::string> problems;   // a directory that cannot be read, as text
};

// Regular files (or links to them) named *.so; not recursive.
DirectoryListing find_libraries(std::span<const std::string> directories);

}  // namespace epp::plugins
