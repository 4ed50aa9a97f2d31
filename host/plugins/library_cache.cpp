#include "plugins/library_cache.h"

#include <utility>

namespace epp::plugins {

LibraryPtr LibraryCache::load(const std::string& path, const LoadOptions& options, std::string& error) {
  Entry& entry = entries_[path];
  LibraryPtr known = entry.library.lock();
  if (known != nullptr && entry.identity && identify_file(path) == entry.identity) {
    error = refusal_of(path, known->sha256(), exposure_of(path), options);
    return error.empty() ? known : nullptr;
  }
  auto image = LibraryImage::open(path, error);
  if (!image) return nullptr;
  const std::optional<FileIdentity> identity = image->identity();
  if (known != nullptr && known->sha256() == image->sha256()) {
    error = refusal_of(path, image->sha256(), image->exposure(), options);
    if (!error.empty()) return nullptr;
  } else {
    known = Library::load(std::move(*image), path, options, error);
    if (known == nullptr) return nullptr;
  }
  entry = {known, identity};
  return known;
}

}  // namespace epp::plugins
