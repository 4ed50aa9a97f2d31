// Config + Catalogue -> EffectiveConfig: the reference's validation and injection rules as pure functions.
// Always in file order where upstream iterates over a map.
#pragma once

#include "config/catalogue.h"
#include "config/config.h"
#include "config/diagnostics.h"
#include "config/effective_config.h"

#include <optional>
#include <string_view>

namespace epp::config {

struct WiringOptions {
  bool allow_experimental_plugins = false;
};

// Every independent error is reported, each once. nullopt when there was any.
std::optional<EffectiveConfig> wire(const Config& config, const Catalogue& catalogue, const WiringOptions& options,
                                    Diagnostics& diagnostics);

// Appends the default producer `type` (name = type, no parameters) after instantiation found a required data key
// without a producer. nullopt, with an error, when the type is not available, refuses to be built without
// parameters, or its name is taken.
std::optional<InstanceIndex> add_default_producer(EffectiveConfig& effective, const Catalogue& catalogue,
                                                  std::string_view type, Diagnostics& diagnostics);

// The refusal of Alpha types, by name. `wire` has done it for its result; repeat it after add_default_producer.
void check_stability(const EffectiveConfig& effective, const WiringOptions& options, Diagnostics& diagnostics);

}  // namespace epp::config
