// The plugin types that a configuration can name: those of the loaded libraries and those inside the host.
// An interface, so that wiring is a pure function and its tests need no library.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config {

enum class Role : std::uint8_t {
  kRequestHeader,
  kScreener,
  kProducer,
  kAdmitter,
  kFilter,
  kScorer,
  kPicker,
  kProfileHandler,
  kPreRequest,
  kResponseHeader,
  kResponseBody,
  kResponseComplete,
  kFairness,
  kOrdering,
  kSaturationDetector,
  kUsageLimits,
  kEvictionFilter,
  kEvictionOrdering,
  kDecider,
  kParser,
  kDataSource,
  kExtractor,
  kDiscovery,
  kCrossReplicaSyncer,
};

class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles)
      add(role);
  }
  constexpr void add(Role role) { bits_ |= bit(role); }
  constexpr bool has(Role role) const { return (bits_ & bit(role)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  // A profile can use these; other plugins that it names are accepted and ignored.
  constexpr bool schedulable() const { return has(Role::kFilter) || has(Role::kScorer) || has(Role::kPicker); }

 private:
  static constexpr std::uint32_t bit(Role role) { return std::uint32_t{1} << static_cast<unsigned>(role); }
  std::uint32_t bits_ = 0;
};

std::string_view role_name(Role role);                    // "filter", "profile-handler", ...
std::vector<std::string_view> role_names(RoleSet roles);  // in the order of the enumeration

enum class Stability : std::uint8_t { kAlpha, kBeta, kStable };
std::string_view stability_name(Stability stability);  // "Alpha", "Beta", "Stable"

struct Deprecation {
  std::string since;        // "" when the type is not deprecated
  std::string removal;      // version in which removal is planned
  std::string replacement;  // type to use instead
};

struct PluginType {
  std::string type;
  std::string version;
  std::string vendor;
  std::string description;
  RoleSet roles;
  Stability stability = Stability::kBeta;
  Deprecation deprecation;
  // JSON Schema (draft-07) of the parameters. "", "true" and "{}" accept and ignore anything.
  // A property whose value names another plugin instance, which must then be built first, carries
  // `"x-epp-plugin-reference": true`; with a `default`, the default is referred to when the property is absent.
  // A property may carry `errorMessage`, the text to report when it is missing or its value is refused.
  std::string parameters_schema;
  std::vector<std::string> default_producer_of;  // data keys ("type/producer") that this type produces by default
  std::string library;                           // path of the providing library; "" for types inside the host
};

// [any-thread] after construction; immutable while a configuration is being wired.
class Catalogue {
 public:
  virtual ~Catalogue() = default;

  // The type of this name. `library` (a file name or path, may be empty) picks one when several libraries offer it.
  // nullptr when there is none, or when several offer it and none was picked. Valid as long as the catalogue.
  virtual const PluginType* find(std::string_view type, std::string_view library) const = 0;

  // The libraries that offer this type, for the error text; more than one is ambiguous.
  virtual std::vector<std::string> libraries_of(std::string_view type) const = 0;

  // All types, ordered by name.
  virtual std::vector<const PluginType*> types() const = 0;

  // Names of the instances that `parameters` (normalised) refer to and that must be built first, in order. The default
  // reads the schema's `x-epp-plugin-reference` marks.
  virtual std::vector<std::string> references(const PluginType& type,
                                              const std::optional<std::string>& parameters) const;

  // The type that is created by itself when nobody produces `key`, or nullptr.
  const PluginType* default_producer(std::string_view key) const;
};

}  // namespace epp::config
