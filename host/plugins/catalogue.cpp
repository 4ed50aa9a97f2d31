#include "plugins/catalogue.h"

#include "plugins/directory.h"
#include "plugins/guarded_call.h"
#include "plugins/host_tables.h"
#include "plugins/instance.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace epp::plugins {

namespace {

using config::Role;

config::Stability stability_of(const epp_type& type) {
  switch (type.stability) {
    case EPP_STABILITY_STABLE:
      return config::Stability::kStable;
    case EPP_STABILITY_BETA:
      return config::Stability::kBeta;
    default:
      return config::Stability::kAlpha;
  }
}

config::PluginType describe(const epp_type& type, const std::string& library) {
  config::PluginType result;
  result.type = view(type.name);
  result.version = view(type.version);
  result.vendor = view(type.vendor);
  result.description = view(type.description);
  for (uint64_t i = 0; i < type.extensions.count; ++i) {
    if (const auto role = role_of_extension(view(type.extensions.items[i]))) result.roles.add(*role);
  }
  result.stability = stability_of(type);
  if (type.replaced_by.size != 0) {
    result.deprecation.since = result.version;
    result.deprecation.replacement = view(type.replaced_by);
  }
  result.parameters_schema = view(type.parameters_schema);
  for (uint64_t i = 0; i < type.default_keys.count; ++i)
    result.default_producer_of.emplace_back(view(type.default_keys.items[i]));
  result.library = library;
  return result;
}

}  // namespace

bool names_library(std::string_view wanted, const std::string& path) {
  return wanted == path || wanted == std::filesystem::path(path).filename().string();
}

std::optional<config::Role> role_of_extension(std::string_view extension) {
  static constexpr std::array<std::pair<std::string_view, Role>, 18> kRoles = {{
      {EPP_EXT_REQUEST_HEADER, Role::kRequestHeader},
      {EPP_EXT_SCREENER, Role::kScreener},
      {EPP_EXT_PRODUCER, Role::kProducer},
      {EPP_EXT_ADMITTER, Role::kAdmitter},
      {EPP_EXT_FILTER, Role::kFilter},
      {EPP_EXT_SCORER, Role::kScorer},
      {EPP_EXT_PICKER, Role::kPicker},
      {EPP_EXT_PROFILE_HANDLER, Role::kProfileHandler},
      {EPP_EXT_PRE_REQUEST, Role::kPreRequest},
      {EPP_EXT_RESPONSE_HEADER, Role::kResponseHeader},
      {EPP_EXT_RESPONSE_BODY, Role::kResponseBody},
      {EPP_EXT_RESPONSE_COMPLETE, Role::kResponseComplete},
      {EPP_EXT_SATURATION_DETECTOR, Role::kSaturationDetector},
      {EPP_EXT_FAIRNESS, Role::kFairness},
      {EPP_EXT_ORDERING, Role::kOrdering},
      {EPP_EXT_USAGE_LIMITS, Role::kUsageLimits},
      {EPP_EXT_EVICTION_FILTER, Role::kEvictionFilter},
      {EPP_EXT_EVICTION_ORDERING, Role::kEvictionOrdering},
  }};
  for (const auto& [id, role] : kRoles) {
    if (id == extension) return role;
  }
  return std::nullopt;
}

void Catalogue::add(LibraryPtr library) {
  for (const epp_type* type : library->types()) {
    auto entry = std::make_unique<Entry>(Entry{describe(*type, library->path()), {library, type}});
    const auto at = std::upper_bound(entries_.begin(), entries_.end(), entry,
                                     [](const auto& a, const auto& b) { return a->type.type < b->type.type; });
    entries_.insert(at, std::move(entry));
  }
  libraries_.push_back(std::move(library));
}

void Catalogue::add_host_type(config::PluginType type) {
  type.library.clear();
  auto entry = std::make_unique<Entry>(Entry{std::move(type), {}});
  const auto at = std::upper_bound(entries_.begin(), entries_.end(), entry,
                                   [](const auto& a, const auto& b) { return a->type.type < b->type.type; });
  entries_.insert(at, std::move(entry));
}

const Catalogue::Entry* Catalogue::lookup(std::string_view type, std::string_view library) const {
  const Entry* found = nullptr;
  for (const auto& entry : entries_) {
    if (entry->type.type != type) continue;
    if (!library.empty() && !names_library(library, entry->type.library)) continue;
    if (found != nullptr) return nullptr;
    found = entry.get();
  }
  return found;
}

const config::PluginType* Catalogue::find(std::string_view type, std::string_view library) const {
  const Entry* entry = lookup(type, library);
  return entry != nullptr ? &entry->type : nullptr;
}

std::vector<std::string> Catalogue::libraries_of(std::string_view type) const {
  std::vector<std::string> result;
  for (const auto& entry : entries_) {
    if (entry->type.type == type) result.push_back(entry->type.library);
  }
  return result;
}

std::vector<const config::PluginType*> Catalogue::types() const {
  std::vector<const config::PluginType*> result;
  result.reserve(entries_.size());
  for (const auto& entry : entries_)
    result.push_back(&entry->type);
  return result;
}

std::vector<std::string> Catalogue::references(const config::PluginType& type,
                                               const std::optional<std::string>& parameters) const {
  std::vector<std::string> names = config::Catalogue::references(type, parameters);
  const epp_type* descriptor = source(type.type, type.library).type;
  if (descriptor == nullptr || descriptor->references == nullptr) return names;
  const std::string text = parameters.value_or("{}");
  const auto sink = [](void* context, epp_str name) {
    auto& list = *static_cast<std::vector<std::string>*>(context);
    const std::string_view wanted = view(name);
    if (!wanted.empty() && std::find(list.begin(), list.end(), wanted) == list.end()) list.emplace_back(wanted);
  };
  ErrorBuffer error;
  // A complaint here comes again from create, which reports it.
  (void)exception_of([&] { (void)descriptor->references(descriptor, to_abi(text), sink, &names, error.abi()); });
  return names;
}

Catalogue::Source Catalogue::source(std::string_view type, std::string_view library) const {
  const Entry* entry = lookup(type, library);
  return entry != nullptr ? entry->source : Source{};
}

Catalogue load_catalogue(const std::vector<std::string>& directories, const std::vector<LibraryPin>& pins,
                         std::vector<CatalogueProblem>& problems, LibraryCache* cache) {
  Catalogue catalogue;
  DirectoryListing listing = find_libraries(directories);
  for (std::string& problem : listing.problems)
    problems.push_back({{}, std::move(problem)});
  for (const std::string& path : listing.libraries) {
    LoadOptions options;
    for (const LibraryPin& pin : pins) {
      if (!pin.sha256.empty() && names_library(pin.library, path)) options.pinned_sha256 = pin.sha256;
    }
    std::string error;
    LibraryPtr library = cache != nullptr ? cache->load(path, options, error) : Library::load(path, options, error);
    if (library != nullptr) {
      catalogue.add(std::move(library));
    } else {
      problems.push_back({path, std::move(error)});
    }
  }
  return catalogue;
}

}  // namespace epp::plugins
