// The plugin types at hand: those of the loaded libraries, and those that live inside the host (parsers, data sources),
// which app/ adds.
#pragma once

#include "config/catalogue.h"
#include "plugins/library.h"
#include "plugins/library_cache.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {

class Catalogue : public config::Catalogue {
 public:
  // Adds every type of the library. A type that another library offers too becomes ambiguous: it can then only be used
  // by an entry that names its `library`.
  void add(LibraryPtr library);
  // A type inside the host; one per name.
  void add_host_type(config::PluginType type);

  const config::PluginType* find(std::string_view type, std::string_view library) const override;
  std::vector<std::string> libraries_of(std::string_view type) const override;
  std::vector<const config::PluginType*> types() const override;
  // Marks in the schema, and what the type's own references() adds.
  std::vector<std::string> references(const config::PluginType& type,
                                      const std::optional<std::string>& parameters) const override;

  // The library and descriptor behind a type of this catalogue; nullptrs for host types.
  struct Source {
    LibraryPtr library;
    const epp_type* type = nullptr;
  };
  Source source(std::string_view type, std::string_view library) const;
  const std::vector<LibraryPtr>& libraries() const { return libraries_; }

 private:
  struct Entry {
    config::PluginType type;
    Source source;
  };
  const Entry* lookup(std::string_view type, std::string_view library) const;

  std::vector<LibraryPtr> libraries_;
  std::vector<std::unique_ptr<Entry>> entries_;  // ordered by type name, then by library
};

// The role that an extension id stands for; none for ids that take no part in wiring.
std::optional<config::Role> role_of_extension(std::string_view extension);

struct CatalogueProblem {
  std::string path;
  std::string text;
};

struct LibraryPin {
  std::string library;  // file name or path
  std::string sha256;
};

// `wanted` is the path, or its file name.
bool names_library(std::string_view wanted, const std::string& path);

// Loads every library of the directories, through `cache` where there is one. `pins` gives the pinned digest of a file
// ("" when not pinned). Libraries that cannot be loaded are left out and reported. [main]
Catalogue load_catalogue(const std::vector<std::string>& directories, const std::vector<LibraryPin>& pins,
                         std::vector<CatalogueProblem>& problems, LibraryCache* cache = nullptr);

}  // namespace epp::plugins
