// The configured data sources and extractors as the scraper wants them, and what they give to the data graph.
#pragma once

#include "config/data_graph.h"
#include "config/diagnostics.h"
#include "config/effective_config.h"
#include "endpoints/attributes.h"
#include "scrape/scraper.h"

#include <string>
#include <vector>

namespace epp::app {

// Polling sources with their extractors. Wrong combinations and parameters are reported.
std::vector<scrape::ScrapeSource> scrape_sources(const config::EffectiveConfig& effective,
                                                 endpoints::AttributeRegistry& attributes,
                                                 config::Diagnostics& diagnostics);

// What host types produce: the scraped keys of each configured extractor.
std::vector<config::DataNode> host_data_nodes(const config::EffectiveConfig& effective);

}  // namespace epp::app
