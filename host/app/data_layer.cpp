#include "app/data_layer.h"

#include "endpoints/attributes.h"
#include "scrape/core_metrics.h"
#include "scrape/data_source.h"

#include <epp/keys.h>

#include <functional>
#include <set>

namespace epp::app {
namespace {

constexpr std::string_view kPrefix = "failed to load the configuration - data layer config build failed: ";

std::string text(std::string_view a, std::string_view b = {}, std::string_view c = {}) {
  std::string out(kPrefix);
  out += a;
  out += b;
  out += c;
  return out;
}

std::string parameters_of(const config::Instance& instance) {
  return instance.parameters.value_or(std::string());
}

}  // namespace

std::vector<scrape::ScrapeSource> scrape_sources(const config::EffectiveConfig& effective,
                                                 endpoints::AttributeRegistry& attributes,
                                                 config::Diagnostics& diagnostics) {
  std::vector<scrape::ScrapeSource> sources;
  std::set<std::string> names;
  for (const config::EffectiveSource& binding : effective.sources) {
    const config::Instance& source = effective.instances[binding.source];
    if (source.type == "endpoint-notification-source") continue;  // endpoint events need no wiring
    if (!names.insert(source.name).second) {
      diagnostics.error(text("duplicate polling source name \"", source.name, "\""), source.pointer);
      continue;
    }
    scrape::ScrapeSource wanted;
    wanted.type = source.type;
    wanted.name = source.name;
    std::set<std::string> extractor_types;
    try {
      wanted.parameters = scrape::parse_data_source_parameters(source.type, parameters_of(source));
    } catch (const std::exception& error) {
      diagnostics.error(text(error.what()), source.pointer);
      continue;
    }
    for (const config::InstanceIndex index : binding.extractors) {
      const config::Instance& extractor = effective.instances[index];
      if (!extractor_types.insert(extractor.type).second) {
        diagnostics.error(text("duplicate extractor type configured for the same source: ", extractor.type),
                          extractor.pointer);
        continue;
      }
      if (extractor.type != scrape::CoreMetricsExtractor::kType) {
        diagnostics.error(text("extractor type mismatch: ", extractor.type, " cannot read metric families"),
                          extractor.pointer);
        continue;
      }
      try {
        wanted.extractors.push_back(std::make_shared<scrape::CoreMetricsExtractor>(
            scrape::parse_core_metrics_parameters(parameters_of(extractor)), attributes));
      } catch (const std::exception& error) {
        diagnostics.error(text(error.what()), extractor.pointer);
      }
    }
    sources.push_back(std::move(wanted));
  }
  if (effective.sources.empty()) {
    diagnostics.error(text("data layer enabled but no data sources configured"), "/dataLayer");
  }
  return sources;
}

std::string describe_scraping(const config::EffectiveConfig& effective) {
  std::string text;
  const auto add = [&](config::InstanceIndex index) {
    const config::Instance& instance = effective.instances[index];
    text += instance.type + '\n' + instance.name + '\n' + parameters_of(instance) + '\n';
  };
  for (const config::EffectiveSource& binding : effective.sources) {
    text += "source\n";
    add(binding.source);
    for (const config::InstanceIndex extractor : binding.extractors)
      add(extractor);
  }
  return text;
}

void forget_unscraped(const config::EffectiveConfig& before, const config::EffectiveConfig& now,
                      const endpoints::AttributeRegistry& attributes, endpoints::EndpointTable& table) {
  std::set<std::string, std::less<>> gone;
  for (const config::DataNode& node : host_data_nodes(before)) {
    for (const config::ProducedKey& produced : node.produces)
      gone.insert(produced.key);
  }
  for (const config::DataNode& node : host_data_nodes(now)) {
    for (const config::ProducedKey& produced : node.produces)
      gone.erase(produced.key);
  }
  for (epp_attr id = 1; id <= attributes.size(); ++id) {
    const endpoints::AttributeInfo* info = attributes.info(id);
    if (info == nullptr || info->storage != endpoints::Storage::kSnapshot) continue;
    if (gone.contains(endpoints::data_key_of(info->key))) table.forget(id);
  }
}

std::vector<config::DataNode> host_data_nodes(const config::EffectiveConfig& effective) {
  constexpr std::string_view kCoreKeys[] = {
      EPP_KEY_WAITING_QUEUE_SIZE, EPP_KEY_RUNNING_REQUESTS_SIZE, EPP_KEY_KV_CACHE_USAGE,
      EPP_KEY_ACTIVE_MODELS,      EPP_KEY_WAITING_MODELS,        EPP_KEY_MAX_ACTIVE_MODELS,
      EPP_KEY_CACHE_BLOCK_SIZE,   EPP_KEY_CACHE_NUM_BLOCKS,      EPP_KEY_UPDATE_TIME,
  };
  std::vector<config::DataNode> nodes;
  for (const config::Instance& instance : effective.instances) {
    if (instance.type != scrape::CoreMetricsExtractor::kType) continue;
    config::DataNode node;
    node.name = instance.name;
    node.type = instance.type;
    for (const std::string_view key : kCoreKeys) {
      node.produces.push_back({std::string(key), {}});
    }
    try {
      const auto parameters = scrape::parse_core_metrics_parameters(parameters_of(instance));
      for (const auto& [name, engine] : parameters.engines) {
        for (const scrape::CustomMetric& metric : engine.custom) {
          node.produces.push_back({metric.attribute_key + "/core-metrics-extractor", {}});
        }
      }
    } catch (const std::exception&) {
      // Reported by scrape_sources, with its place.
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace epp::app
