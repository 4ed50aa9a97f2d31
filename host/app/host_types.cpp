#include "app/host_types.h"

#include "discovery/file_discovery.h"
#include "request/parser.h"
#include "scrape/core_metrics.h"
#include "scrape/data_source.h"

namespace epp::app {
namespace {

using config::Role;

config::PluginType host_type(std::string_view name, Role role, std::string_view description, std::string schema = {}) {
  config::PluginType type;
  type.type = name;
  type.version = EPP_VERSION;
  type.vendor = "epp-host";
  type.description = description;
  type.roles = {role};
  type.parameters_schema = std::move(schema);
  return type;
}

}  // namespace

std::vector<config::PluginType> host_types() {
  std::vector<config::PluginType> types;
  for (const std::string_view parser : request::default_parser_types()) {
    types.push_back(host_type(parser, Role::kParser, "Understands requests and responses of one family of APIs."));
  }
  types.push_back(host_type(scrape::kMetricsDataSource, Role::kDataSource,
                            "Polls the Prometheus metrics of each endpoint.",
                            scrape::data_source_schema(scrape::kMetricsDataSource)));
  types.push_back(host_type(scrape::CoreMetricsExtractor::kType, Role::kExtractor,
                            "Reads queue, running requests, KV cache and LoRA state out of a metrics page.",
                            std::string(scrape::core_metrics_schema())));
  types.push_back(host_type("endpoint-notification-source", Role::kDataSource,
                            "Endpoint events. Plugins that want them get them without being bound to it."));
  types.push_back(host_type(discovery::kFileDiscovery, Role::kDiscovery, "Takes the endpoints from a file.",
                            std::string(discovery::file_discovery_schema())));
  return types;
}

}  // namespace epp::app
