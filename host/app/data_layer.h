// The configured data sources and extractors as the scraper wants them, and what they give to the data graph.
#pragma once

#include "config/data_graph.h"
#include "config/diagnostics.h"
#include "config/effective_config.h"
#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "scrape/scraper.h"

#include <string>
#include <vector>

namespace epp::app {

// Polling sources with their extractors. Wrong combinations and parameters are reported.
std::vector<scrape::ScrapeSource> scrape_sources(const config::EffectiveConfig& effective,
                                                 endpoints::AttributeRegistry& attributes,
                                                 config::Diagnostics& diagnostics);

// All that scrape_sources() reads: equal texts are equal sources.
std::string describe_scraping(const config::EffectiveConfig& effective);

// Values that were scraped for `before` and are no longer for `now` become missing.
void forget_unscraped(const config::EffectiveConfig& before, const config::EffectiveConfig& now,
                      const endpoints::AttributeRegistry& attributes, endpoints::EndpointTable& table);

// What host types produce: the scraped keys of each configured extractor.
std::vector<config::DataNode> host_data_nodes(const config::EffectiveConfig& effective);

}  // namespace epp::app
