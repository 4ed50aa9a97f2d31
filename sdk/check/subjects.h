// The instances that the groups work with.
#pragma once

#include "check/parameter_sets.h"
#include "check/stage.h"

#include <optional>
#include <string>
#include <vector>

namespace epp::check {

// Loads the library and finds parameters that create accepts: those of --parameters, else the first good ones.
// nullopt, with nothing reported, when there are none: check_create says why.
std::optional<ParameterSet> first_accepted(Stage& stage);
// All that create accepts, as far as they were found.
std::vector<ParameterSet> all_accepted(Stage& stage, size_t most);

// An instance of one of these; every run after check_create takes it as given.
plugins::InstancePtr make(Stage& stage, const ParameterSet& parameters);

}  // namespace epp::check
