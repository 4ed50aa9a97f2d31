// The plugin types that live inside the host: parsers, the metrics data source and its extractor, discovery. They take
// part in configuration like any other type; what they do is done by the rooms that implement them.
#pragma once

#include "config/catalogue.h"

#include <vector>

namespace epp::app {

std::vector<config::PluginType> host_types();

}  // namespace epp::app
