#define BOOST_DLL_USE_STD_FS
#include "plugins/library.h"

#include "plugins/guarded_call.h"
#include "plugins/host_tables.h"
#include "plugins/hosted_instance.h"
#include "plugins/library_image.h"
#include "plugins/parameter_tree.h"

#include <atomic>
#include <cstddef>
#include <set>
#include <system_error>

#include <boost/dll/shared_library.hpp>
#include <dlfcn.h>

namespace epp::plugins {

namespace {

std::atomic<uint64_t> g_loaded{0};
std::atomic<uint64_t> g_stayed_mapped{0};

bool valid(epp_str text) {
  return text.data != nullptr || text.size == 0;
}

std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// The dynamic linker's own words, without the copy's name: that differs with every attempt.
std::string cause_of(std::string_view what, const std::string& load_path) {
  const std::size_t name = what.find(load_path + ": ");
  if (name == std::string_view::npos) return std::string(what);
  const std::string_view words = what.substr(name + load_path.size() + 2);
  return std::string(words.substr(0, words.rfind("): ")));
}

}  // namespace

std::string check_type(const epp_type* type) {
  if (type == nullptr) return "a type descriptor is NULL";
  if (type->size < offsetof(epp_type, create) + sizeof(type->create)) return "a type descriptor is too small";
  for (const epp_str text :
       {type->name, type->version, type->vendor, type->description, type->parameters_schema, type->replaced_by}) {
    if (!valid(text)) return "a type descriptor has a NULL string with a size";
  }
  if (type->name.size == 0) return "a type has no name";
  const std::string name = in_quotes(view(type->name));
  if (type->create == nullptr) return "type " + name + " has no create function";
  for (const epp_str_list list : {type->extensions, type->default_keys}) {
    if (list.items == nullptr && list.count != 0) return "type " + name + " has a NULL list with a count";
    for (uint64_t i = 0; i < list.count; ++i) {
      if (list.items[i].data == nullptr || list.items[i].size == 0) return "type " + name + " lists an empty string";
    }
  }
  const std::string_view schema = view(type->parameters_schema);
  if (!schema.empty() && schema != "true" && !ParameterTree(std::string(schema)).ok()) {
    return "type " + name + " has a parameters_schema that is not a JSON object";
  }
  return {};
}

struct Library::Image {
  LibraryImage image;
  boost::dll::shared_library handle;

  explicit Image(LibraryImage opened) : image(std::move(opened)) {}
  // One reference more, which nobody gives back.
  void keep_mapped() const { (void)::dlopen(image.load_path().c_str(), RTLD_NOW | RTLD_NOLOAD); }
  ~Image() {
    if (!handle.is_loaded()) return;
    handle.unload();
    g_loaded.fetch_sub(1, std::memory_order_relaxed);
    // Unloading is best effort: the name must then never mean another file.
    if (void* still = ::dlopen(image.load_path().c_str(), RTLD_NOW | RTLD_NOLOAD)) {
      ::dlclose(still);
      image.leak();
      g_stayed_mapped.fetch_add(1, std::memory_order_relaxed);
    }
  }
};

Library::Library() = default;

Library::~Library() {
  if (!initialised_ || entry_->deinit == nullptr) return;
  // What it left behind nobody knows: then its code stays mapped.
  if (!exception_of([this] { entry_->deinit(); }).empty() && image_ != nullptr) image_->keep_mapped();
}

uint64_t Library::loaded() {
  return g_loaded.load(std::memory_order_relaxed);
}

uint64_t Library::stayed_mapped() {
  return g_stayed_mapped.load(std::memory_order_relaxed);
}

std::string refusal_of(const std::string& path, const std::string& sha256, const std::string& exposure,
                       const LoadOptions& options) {
  const std::string& pin = options.pinned_sha256;
  if (!pin.empty()) {
    return pin == sha256 ? std::string() : in_quotes(path) + " has SHA-256 " + sha256 + ", pinned is " + pin;
  }
  if (exposure.empty()) return {};
  return "refused " + in_quotes(path) + ": " + exposure + " (take that right away, or pin its sha256)";
}

LibraryPtr Library::load(const std::string& path, const LoadOptions& options, std::string& error) {
  auto image = LibraryImage::open(path, error);
  return image ? load(std::move(*image), path, options, error) : nullptr;
}

LibraryPtr Library::load(LibraryImage image, const std::string& path, const LoadOptions& options, std::string& error) {
  error = refusal_of(path, image.sha256(), image.exposure(), options);
  if (!error.empty()) return nullptr;

  const std::shared_ptr<Library> library(new Library);
  library->path_ = path;
  library->sha256_ = image.sha256();
  library->image_ = std::make_unique<Image>(std::move(image));
  boost::dll::shared_library& handle = library->image_->handle;
  try {
    handle.load(library->image_->image.load_path(),
                boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    g_loaded.fetch_add(1, std::memory_order_relaxed);
    if (!handle.has(EPP_ENTRY_SYMBOL)) {
      error = in_quotes(path) + " does not export " EPP_ENTRY_SYMBOL;
      return nullptr;
    }
    if (!library->adopt(&handle.get<const epp_entry>(EPP_ENTRY_SYMBOL), error)) return nullptr;
  } catch (const std::exception& e) {
    error = "cannot load " + in_quotes(path) + ": " + cause_of(e.what(), library->image_->image.load_path());
    return nullptr;
  }
  return library;
}

LibraryPtr Library::from_entry(const epp_entry& entry, std::string name, std::string& error) {
  const std::shared_ptr<Library> library(new Library);
  library->path_ = std::move(name);
  return library->adopt(&entry, error) ? library : nullptr;
}

bool Library::adopt(const epp_entry* entry, std::string& error) {
  const std::string prefix = in_quotes(path_) + ": ";
  // The major stands right behind the size in every version.
  if (entry->size < offsetof(epp_entry, abi_minor) || entry->abi_major != EPP_ABI_MAJOR) {
    error = prefix + "its plugin ABI is " + std::to_string(entry->abi_major) + ", this host's is " +
            std::to_string(EPP_ABI_MAJOR);
    return false;
  }
  if (entry->size < offsetof(epp_entry, deinit) + sizeof(entry->deinit)) {
    error = prefix + "its entry is too small";
    return false;
  }
  if (entry->type_count == 0 || entry->types == nullptr) {
    error = prefix + "it offers no types";
    return false;
  }
  std::set<std::string_view> names;
  for (uint32_t i = 0; i < entry->type_count; ++i) {
    if (std::string problem = check_type(entry->types[i]); !problem.empty()) {
      error = prefix + problem;
      return false;
    }
    if (!names.insert(view(entry->types[i]->name)).second) {
      error = prefix + "it offers type " + in_quotes(view(entry->types[i]->name)) + " twice";
      return false;
    }
  }
  if (entry->init != nullptr) {
    ErrorBuffer reason;
    epp_status status = EPP_ERR_INTERNAL;
    const std::string thrown = exception_of([&] { status = entry->init(&abi_host(), reason.abi()); });
    // Nobody knows what it left behind.
    if (!thrown.empty() && image_ != nullptr) image_->keep_mapped();
    if (status != EPP_OK) {
      error = prefix + "its init failed: " + (thrown.empty() ? std::string(reason.message()) : thrown);
      return false;
    }
  }
  entry_ = entry;
  initialised_ = true;
  types_.assign(entry->types, entry->types + entry->type_count);
  return true;
}

const epp_type* Library::find(std::string_view type) const {
  for (const epp_type* candidate : types_) {
    if (view(candidate->name) == type) return candidate;
  }
  return nullptr;
}

}  // namespace epp::plugins
