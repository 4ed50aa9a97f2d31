// One generation: all that follows from the configuration, and is replaced together when that changes.
//
// Requests hold the generation they began with, by their pipeline; the last of them ends it, on the plugin thread. What
// did not change is shared with the generation before: instances, libraries, the queue, the scraper.
#pragma once

#include "app/configuration.h"
#include "app/flow_control.h"
#include "app/plugin_thread.h"
#include "config/diagnostics.h"
#include "config/options.h"
#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "lifecycle/pipeline.h"
#include "net/io_pool.h"
#include "plugins/environment.h"
#include "plugins/library_cache.h"
#include "scrape/scraper.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace epp::app {

class PluginMetrics;

struct Generation {
  std::shared_ptr<void> counted;  // goes last
  std::uint64_t number = 0;       // from 1
  std::chrono::system_clock::time_point since;
  std::string digest;       // SHA-256 of the document
  std::string fingerprint;  // fingerprint_of() its configuration
  Configuration configuration;
  std::shared_ptr<FlowControl> flow_control;  // null: the gate is off
  std::shared_ptr<lifecycle::Pipeline> pipeline;
  std::string scraped;  // what the scraper was made from
  std::shared_ptr<scrape::Scraper> scraper;
};

using GenerationPtr = std::shared_ptr<const Generation>;

// What generations stand on; all of it outlives them.
struct GenerationParts {
  net::IoPool& pool;
  PluginThread& thread;
  endpoints::EndpointTable& table;
  endpoints::AttributeRegistry& attributes;
  objectives::ObjectiveTable& objectives;
  telemetry::Registry& registry;
  telemetry::EppMetrics& metrics;
  const plugins::Environment& environment;
  PluginMetrics& plugin_metrics;
  scrape::ScrapeObserver& scrape_observer;
  telemetry::Logger log;
};

// [plugin thread]
class GenerationBuilder {
 public:
  // `options` outlive it.
  GenerationBuilder(const config::Options& options, GenerationParts parts);

  // In three steps, each with errors in `diagnostics` when something is wrong; the next is then not taken. `running` is
  // the generation that serves, null at the start; nothing of it changes.
  //
  // Reads document and libraries. Never null: its source map places the errors.
  std::unique_ptr<Generation> read(const Generation* running, config::Diagnostics& diagnostics);
  // Decides what is to be built.
  bool wire(Generation& next, const Generation* running, config::Diagnostics& diagnostics);
  // Builds it. Nothing is in use yet; the scraper has not begun.
  bool build(Generation& next, const Generation* running, const std::string& pool_name,
             config::Diagnostics& diagnostics);
  // It takes the place of the running one now.
  void adopt(const Generation& next);

 private:
  void check_libraries(const Generation& next, const Generation& running, config::Diagnostics& diagnostics) const;
  bool build_scraper(Generation& next, const Generation* running, std::vector<scrape::ScrapeSource> sources,
                     config::Diagnostics& diagnostics);
  void build_flow_control(Generation& next, const std::string& pool_name);

  const config::Options& options_;
  const GenerationParts parts_;
  plugins::LibraryCache libraries_;
  std::unique_ptr<QueueMetrics> queue_metrics_;  // from the first queue on
  std::weak_ptr<FlowControl> newest_queue_;      // of those that served
};

}  // namespace epp::app
