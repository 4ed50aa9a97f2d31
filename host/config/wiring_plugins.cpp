// The plugin list: types, names, parameters and references.
#include "config/graph.h"
#include "config/parameters.h"
#include "config/wirer.h"
#include "config/wiring.h"

#include <algorithm>
#include <utility>

namespace epp::config {
namespace {

constexpr std::string_view kValidation = "failed to load the configuration - configuration validation failed: ";
constexpr std::string_view kDependencies =
    "failed to load the configuration - plugin instantiation failed: failed to build plugin dependency graph: ";

std::string creation_prefix(const Instance& instance) {
  return "failed to load the configuration - plugin instantiation failed: failed to create plugin '" + instance.name +
         "' (type: " + instance.type + "): ";
}

std::vector<std::string> type_names(const Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto* type : catalogue.types())
    names.push_back(type->type);
  return names;
}

Instance make_instance(const PluginType& type, std::string name, Origin origin) {
  Instance instance;
  instance.name = std::move(name);
  instance.type = type.type;
  instance.library = type.library;
  instance.roles = type.roles;
  instance.stability = type.stability;
  instance.origin = origin;
  return instance;
}

// Why a type that nobody named a library for cannot be found, and what would do.
struct Absence {
  std::string why;
  std::string expected;
};

Absence absence_of(std::string_view type, const Catalogue& catalogue) {
  const auto libraries = catalogue.libraries_of(type);
  const std::string subject = "plugin type '" + std::string(type) + "' ";
  if (libraries.empty()) {
    return {subject + "is not registered", "a library that offers it in one of the plugin directories"};
  }
  std::string list;
  for (const auto& library : libraries)
    list += (list.empty() ? "" : ", ") + library;
  return {subject + "is offered by several libraries",
          "an entry under `plugins` of this type and name that says its `library`, one of " + list};
}

void warn_if_deprecated(const PluginType& type, const Instance& instance, Diagnostics& diagnostics) {
  const Deprecation& deprecation = type.deprecation;
  if (deprecation.since.empty() && deprecation.replacement.empty()) return;
  std::string text = "DEPRECATION warning: plugin is deprecated: '" + instance.name + "' (type: " + type.type + ")";
  if (!deprecation.since.empty()) text += ", since " + deprecation.since;
  if (!deprecation.removal.empty()) text += ", removal planned in " + deprecation.removal;
  if (!deprecation.replacement.empty()) text += ", use " + deprecation.replacement;
  diagnostics.deprecation(std::move(text), instance.pointer);
}

}  // namespace

void Wirer::check_type(const PluginSpec& spec) {
  const auto libraries = catalogue_.libraries_of(spec.type);
  const std::string pointer = child_pointer(spec.pointer, "type");
  std::string list;
  for (const auto& library : libraries)
    list += (list.empty() ? "" : ", ") + library;
  if (libraries.empty()) {
    diagnostics_.error(std::string(kValidation) + "plugin type '" + spec.type + "' is not registered", pointer, {},
                       nearest_name(spec.type, type_names(catalogue_)));
  } else if (!spec.library.empty()) {
    diagnostics_.error(
        std::string(kValidation) + "plugin type '" + spec.type + "' is not offered by library '" + spec.library + "'",
        child_pointer(spec.pointer, "library"), "one of " + list);
  } else {
    diagnostics_.error(std::string(kValidation) + "plugin type '" + spec.type + "' is offered by several libraries",
                       pointer, "`library`, one of " + list);
  }
}

void Wirer::add_configured_plugins() {
  result_.feature_gates = config_.feature_gates;
  for (const auto& spec : config_.plugins) {
    if (spec.type.empty()) {
      diagnostics_.error(std::string(kValidation) + "plugin '" + spec.name + "' is missing a type", spec.pointer,
                         "a `type`");
      continue;
    }
    if (result_.index_of(spec.name)) {
      diagnostics_.error(std::string(kValidation) + "duplicate plugin name '" + spec.name + "'", spec.pointer,
                         "a `name` of its own");
      continue;
    }
    const PluginType* type = catalogue_.find(spec.type, spec.library);
    if (type == nullptr) check_type(spec);
    Instance instance = make_instance(type == nullptr ? PluginType{} : *type, spec.name, Origin::kConfigured);
    instance.type = spec.type;
    instance.sha256 = spec.sha256;
    instance.on_fault = spec.on_fault;
    instance.call_budget = spec.call_budget;
    instance.pointer = spec.pointer;
    if (type != nullptr) {
      warn_if_deprecated(*type, instance, diagnostics_);
      const std::string prefix = creation_prefix(instance);
      const std::string pointer = child_pointer(spec.pointer, "parameters");
      instance.parameters = check_parameters(spec.parameters, {type->parameters_schema, pointer, prefix}, diagnostics_);
    }
    unknown_.push_back(type == nullptr);
    result_.instances.push_back(std::move(instance));
  }
}

void Wirer::resolve_references() {
  for (InstanceIndex i = 0; i < result_.instances.size(); ++i) {
    Instance& instance = result_.instances[i];
    if (unknown_[i]) continue;
    const PluginType* type = catalogue_.find(instance.type, instance.library);
    if (type == nullptr) continue;
    for (const auto& name : catalogue_.references(*type, instance.parameters)) {
      if (const auto target = result_.index_of(name)) {
        instance.references.push_back(*target);
        continue;
      }
      diagnostics_.error(std::string(kDependencies) + "a plugin has a dependency on the unregistered plugin " + name,
                         instance.pointer, "a plugin of this name for '" + instance.name + "'",
                         nearest_name(name, instance_names()));
    }
  }
}

void Wirer::set_build_order() {
  std::vector<std::vector<std::size_t>> needs;
  needs.reserve(result_.instances.size());
  for (const auto& instance : result_.instances)
    needs.push_back(instance.references);
  if (auto order = topological_order(needs)) {
    result_.build_order = std::move(*order);
    return;
  }
  const auto cycle = find_cycle(needs);
  std::string path;
  for (const std::size_t node : cycle)
    path += result_.instances[node].name + " refers to ";
  diagnostics_.error(std::string(kDependencies) + "cycle detected: graph is not a DAG",
                     result_.instances[cycle.front()].pointer,
                     "no cycle, but " + path + result_.instances[cycle.front()].name);
}

std::optional<InstanceIndex> Wirer::inject(std::string_view type_name, Origin origin, std::string_view prefix) {
  const PluginType* type = catalogue_.find(type_name, {});
  if (type == nullptr) {
    Absence absence = absence_of(type_name, catalogue_);
    diagnostics_.error(std::string(prefix) + absence.why, {}, std::move(absence.expected));
    return std::nullopt;
  }
  if (const auto taken = result_.index_of(type_name)) {
    diagnostics_.error(std::string(prefix) + "plugin '" + std::string(type_name) + "' cannot be added",
                       result_.instances[*taken].pointer,
                       "another name for this plugin of type '" + result_.instances[*taken].type + "'");
    return std::nullopt;
  }
  Instance instance = make_instance(*type, type->type, origin);
  check_parameters(std::nullopt, {type->parameters_schema, {}, creation_prefix(instance)}, diagnostics_);
  result_.instances.push_back(std::move(instance));
  unknown_.push_back(false);
  return result_.instances.size() - 1;
}

std::optional<InstanceIndex> add_default_producer(EffectiveConfig& effective, const Catalogue& catalogue,
                                                  std::string_view type_name, Diagnostics& diagnostics) {
  static constexpr std::string_view kPrefix = "failed to create default producer: ";
  const PluginType* type = catalogue.find(type_name, {});
  if (type == nullptr) {
    Absence absence = absence_of(type_name, catalogue);
    diagnostics.error(std::string(kPrefix) + absence.why, {}, std::move(absence.expected));
    return std::nullopt;
  }
  if (effective.index_of(type_name)) {
    diagnostics.error(std::string(kPrefix) + "plugin type '" + std::string(type_name) +
                      "' cannot be added: its name is taken");
    return std::nullopt;
  }
  Instance instance = make_instance(*type, type->type, Origin::kAutoProducer);
  const std::size_t errors_before = diagnostics.error_count();
  check_parameters(std::nullopt, {type->parameters_schema, {}, creation_prefix(instance)}, diagnostics);
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  effective.instances.push_back(std::move(instance));
  effective.build_order.push_back(effective.instances.size() - 1);
  return effective.instances.size() - 1;
}

std::optional<InstanceIndex> Wirer::first_with(Role role) const {
  const auto all = all_with(role);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::vector<InstanceIndex> Wirer::all_with(Role role) const {
  std::vector<InstanceIndex> found;
  for (InstanceIndex i = 0; i < result_.instances.size(); ++i) {
    if (result_.instances[i].roles.has(role)) found.push_back(i);
  }
  return found;
}

std::string Wirer::label(InstanceIndex index) const {
  return result_.instances[index].name + "/" + result_.instances[index].type;
}

std::vector<std::string> Wirer::instance_names() const {
  std::vector<std::string> names;
  names.reserve(result_.instances.size());
  for (const auto& instance : result_.instances)
    names.push_back(instance.name);
  return names;
}

}  // namespace epp::config
