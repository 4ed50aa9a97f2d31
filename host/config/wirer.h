// The state of one wiring run. Each step stands in a file of its own; wiring.cpp has their order. Internal to the room.
#pragma once

#include "config/catalogue.h"
#include "config/config.h"
#include "config/diagnostics.h"
#include "config/effective_config.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config {

class Wirer {
 public:
  Wirer(const Config& config, const Catalogue& catalogue, Diagnostics& diagnostics)
      : config_(config), catalogue_(catalogue), diagnostics_(diagnostics) {}

  // wiring_plugins.cpp: the list itself, parameters, references between plugins.
  void add_configured_plugins();
  void resolve_references();
  void set_build_order();

  // wiring_defaults.cpp: system defaults, in the reference's order.
  void apply_scheduling_defaults();
  void apply_flow_control_defaults();
  void apply_parser_defaults();
  void apply_saturation_detector_default();
  void apply_data_layer_defaults();

  // wiring_profiles.cpp: validation and construction of profiles, the one profile handler.
  void build_profiles();
  void find_profile_handler();

  // wiring_references.cpp: what else the document refers to.
  void resolve_saturation_detector();
  void resolve_flow_control();
  void resolve_eviction();
  void resolve_parsers();
  void resolve_data_layer();

  EffectiveConfig& result() { return result_; }

  // Appends `type` under its own name, without parameters. Reports with `prefix` when that is impossible.
  std::optional<InstanceIndex> inject(std::string_view type, Origin origin, std::string_view prefix);

 private:
  void check_type(const PluginSpec& spec);
  void check_picker(EffectiveProfile& profile, std::optional<InstanceIndex>& picker, InstanceIndex candidate,
                    const std::string& pointer);
  void add_profile_entry(EffectiveProfile& profile, std::optional<InstanceIndex>& picker, const ProfilePlugin& entry,
                         InstanceIndex index);
  EffectiveBand resolve_band(const PriorityBand& band, std::string_view label);
  InstanceIndex resolve_policy(const PluginRef& ref, Role role, std::string_view interface_name);
  // An instance of unknown type: whatever role is asked of it, its own error says enough.
  bool has_role(InstanceIndex index, Role role) const {
    return unknown_[index] || result_.instances[index].roles.has(role);
  }
  std::optional<InstanceIndex> first_with(Role role) const;
  std::vector<InstanceIndex> all_with(Role role) const;
  std::string label(InstanceIndex index) const;  // name/type
  std::vector<std::string> instance_names() const;
  void inject_by_name(std::string_view type, std::string_view prefix);

  const Config& config_;
  const Catalogue& catalogue_;
  Diagnostics& diagnostics_;
  EffectiveConfig result_;
  std::vector<bool> unknown_;  // per instance: its type is not available
  std::vector<SchedulingProfile> drafts_;
  std::vector<DataSource> sources_;
  std::vector<PluginRef> parser_refs_;
  std::optional<InstanceIndex> fallback_picker_;
};

}  // namespace epp::config
