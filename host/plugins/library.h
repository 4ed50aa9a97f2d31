// A plugin library: loaded, its entry found, its descriptors validated.
//
// Loading refuses a library whose ABI major differs, whose pinned digest does not match, that others could have written
// (unless pinned), whose entry symbol is missing, or whose descriptors are malformed; the text says which. Instances
// hold their Library; when the last one goes, deinit is called and the library unloaded. One that stays mapped
// nevertheless (it asked for RTLD_NODELETE, or has thread-locals in use) is left alone and counted.
#pragma once

#include <epp/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {

struct LoadOptions {
  std::string pinned_sha256;  // 64 lower-case hex digits; empty: not pinned
};

class Library;
class LibraryImage;
using LibraryPtr = std::shared_ptr<const Library>;

class Library {
 public:
  // nullptr with the reason in `error`. [main]
  static LibraryPtr load(const std::string& path, const LoadOptions& options, std::string& error);
  // The same for bytes that were read already. [main]
  static LibraryPtr load(LibraryImage image, const std::string& path, const LoadOptions& options, std::string& error);
  // A library linked into the program (tests, harnesses). `entry` outlives it.
  static LibraryPtr from_entry(const epp_entry& entry, std::string name, std::string& error);

  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const std::string& path() const { return path_; }      // as given to load
  const std::string& sha256() const { return sha256_; }  // empty for linked ones
  const std::vector<const epp_type*>& types() const { return types_; }
  const epp_type* find(std::string_view type) const;

  // Loaded right now, and those that stayed mapped after they were unloaded, in this process. [any thread]
  static uint64_t loaded();
  static uint64_t stayed_mapped();

 private:
  struct Image;
  Library();
  bool adopt(const epp_entry* entry, std::string& error);

  std::string path_;
  std::string sha256_;
  const epp_entry* entry_ = nullptr;
  bool initialised_ = false;
  std::vector<const epp_type*> types_;
  std::unique_ptr<Image> image_;
};

// Why a library with this digest and exposure (library_image.h) may not be loaded, or empty.
std::string refusal_of(const std::string& path, const std::string& sha256, const std::string& exposure,
                       const LoadOptions& options);

// What is wrong with a type descriptor, or empty. Used by Library and by the validator for plugin authors.
std::string check_type(const epp_type* type);

}  // namespace epp::plugins
