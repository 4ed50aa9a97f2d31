// The bytes of a library as they were opened once: hashed, and copied to a private place that dlopen reads.
//
// The same path loaded twice would give the same code again even when the file was replaced, and a file that is written
// to while it is mapped crashes its users. So the descriptor is read once; what is hashed is what is loaded. The copy
// is a sealed memory file whose name (/proc/<pid>/fd/<n>) is not reused while its descriptor stays open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::plugins {

// What tells one content of a path from another without reading it. Nothing for what is not a regular file.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified_ns = 0;  // since 1970
  int64_t changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};
std::optional<FileIdentity> identify_file(const std::string& path);

// Why somebody else could have written the file: it or its directory is writable by group or others, or belongs to a
// user who is neither root nor ours. Empty: nobody.
std::string exposure_of(const std::string& path);

class LibraryImage {
 public:
  // Reads the file at `path`. On failure, and when the file changes meanwhile, the reason is in `error`.
  static std::optional<LibraryImage> open(const std::string& path, std::string& error);

  LibraryImage(LibraryImage&& other) noexcept;
  LibraryImage& operator=(LibraryImage&&) = delete;
  ~LibraryImage();

  // 64 lower-case hex digits.
  const std::string& sha256() const { return sha256_; }
  // exposure_of() what was opened.
  const std::string& exposure() const { return exposure_; }
  // What was read, unless it is so young that another write could leave the same time stamps.
  const std::optional<FileIdentity>& identity() const { return identity_; }
  // Where dlopen finds the copy.
  const std::string& load_path() const { return load_path_; }
  // Keeps the descriptor (and so the name) for the rest of the process: the library stayed mapped.
  void leak() { descriptor_ = -1; }

 private:
  LibraryImage() = default;
  int descriptor_ = -1;
  std::string sha256_;
  std::string exposure_;
  std::optional<FileIdentity> identity_;
  std::string load_path_;
};

}  // namespace epp::plugins
