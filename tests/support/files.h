#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace epp::testing {

// A fresh directory, removed with everything in it at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Throws std::runtime_error naming the file if it cannot be read.
std::string read_file(const std::filesystem::path& path);

// Replaces the file as a whole: a reader sees the old content or the new one.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace epp::testing
