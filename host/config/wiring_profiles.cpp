// Scheduling profiles, in file order, and the one handler that runs them.
#include "config/wirer.h"

#include <set>
#include <utility>

namespace epp::config {
namespace {

constexpr std::string_view kValidation =
    "failed to load the configuration - configuration validation failed: scheduling profile validation failed: ";
constexpr std::string_view kBuild = "failed to load the configuration - scheduler config build failed: ";

}  // namespace

void Wirer::check_picker(EffectiveProfile& profile, std::optional<InstanceIndex>& picker, InstanceIndex candidate,
                         const std::string& pointer) {
  if (picker) {
    diagnostics_.error(std::string(kBuild) + "failed to add plugin '" + result_.instances[candidate].name +
                           "' to profile '" + profile.name + "': failed to set '" + label(candidate) +
                           "' as picker, already have a registered picker plugin '" + label(*picker) + "'",
                       pointer, "one picker in profile '" + profile.name + "'");
    return;
  }
  picker = candidate;
  profile.picker = candidate;
}

void Wirer::add_profile_entry(EffectiveProfile& profile, std::optional<InstanceIndex>& picker,
                              const ProfilePlugin& entry, InstanceIndex index) {
  if (unknown_[index]) return;
  const RoleSet roles = result_.instances[index].roles;
  if (!roles.schedulable()) {
    diagnostics_.warning("profile '" + profile.name + "' refers to '" + label(index) +
                             "', which is no filter, scorer or picker: the reference has no effect",
                         entry.ref.pointer);
    return;
  }
  // One entry serves every role that the plugin has.
  if (roles.has(Role::kFilter)) profile.filters.push_back(index);
  if (roles.has(Role::kScorer)) {
    profile.scorers.push_back({index, entry.weight.value_or(1.0)});
    if (entry.weight && *entry.weight < 0) {
      diagnostics_.warning("profile '" + profile.name + "': the weight of '" + label(index) +
                               "' is negative, so that it repels the endpoints that it scores high",
                           entry.ref.pointer);
    }
  } else if (entry.weight) {
    diagnostics_.warning(
        "profile '" + profile.name + "': '" + label(index) + "' is no scorer, its weight has no effect",
        entry.ref.pointer);
  }
  if (roles.has(Role::kPicker)) check_picker(profile, picker, index, entry.ref.pointer);
}

void Wirer::build_profiles() {
  std::set<std::string> names;
  for (std::size_t i = 0; i < drafts_.size(); ++i) {
    const SchedulingProfile& draft = drafts_[i];
    const std::string at = "schedulingProfiles[" + std::to_string(i) + "]";
    if (draft.name.empty()) {
      diagnostics_.error(std::string(kValidation) + at + " is missing a name", draft.pointer, "a `name`");
    } else if (!names.insert(draft.name).second) {
      diagnostics_.error(std::string(kValidation) + at + " has duplicate name '" + draft.name + "'", draft.pointer,
                         "a `name` of its own");
    }
    EffectiveProfile profile;
    profile.name = draft.name;
    std::optional<InstanceIndex> picker;
    for (std::size_t j = 0; j < draft.plugins.size(); ++j) {
      const ProfilePlugin& entry = draft.plugins[j];
      const std::string named = "schedulingProfiles[" + draft.name + "]";
      if (entry.ref.name.empty()) {
        diagnostics_.error(
            std::string(kValidation) + named + ".plugins[" + std::to_string(j) + "] is missing a 'pluginRef'",
            entry.ref.pointer, "a `pluginRef`");
      } else if (const auto index = result_.index_of(entry.ref.name)) {
        add_profile_entry(profile, picker, entry, *index);
      } else {
        diagnostics_.error(std::string(kValidation) + named + " references undefined plugin '" + entry.ref.name + "'",
                           entry.ref.pointer, "the name of a plugin", nearest_name(entry.ref.name, instance_names()));
      }
    }
    if (!picker && fallback_picker_) profile.picker = *fallback_picker_;
    result_.profiles.push_back(std::move(profile));
  }
}

void Wirer::find_profile_handler() {
  const auto handlers = all_with(Role::kProfileHandler);
  if (handlers.empty()) {
    // With one profile a handler was injected, or that failed and was reported. An unknown plugin may be the handler.
    bool any_unknown = false;
    for (const bool unknown : unknown_)
      any_unknown = any_unknown || unknown;
    if (drafts_.size() > 1 && !any_unknown) {
      diagnostics_.error(std::string(kBuild) + "no profile handler configured", "/plugins",
                         "a profile handler, since there are several profiles");
    }
    return;
  }
  result_.profile_handler = handlers.front();
  if (handlers.size() > 1) {
    std::string list;
    for (const auto handler : handlers) {
      list += (list.empty() ? "'" : ", '") + result_.instances[handler].name + "'";
    }
    diagnostics_.error(std::string(kBuild) + "multiple profile handlers found (" + list + "); only one is allowed",
                       result_.instances[handlers[1]].pointer, "one profile handler");
  } else if (drafts_.size() > 1 && result_.instances[handlers.front()].type == "single-profile-handler") {
    diagnostics_.error(std::string(kBuild) + "SingleProfileHandler cannot support multiple scheduling profiles",
                       result_.instances[handlers.front()].pointer, "one profile, or another profile handler");
  }
}

}  // namespace epp::config
