#include "app/generation.h"

#include "app/data_layer.h"
#include "app/pipeline_builder.h"
#include "app/plugin_services.h"
#include "plugins/digest.h"

#include <algorithm>
#include <utility>

namespace epp::app {
namespace {

// Where endpoints come from, as far as the configuration says it.
std::string discovery_of(const config::EffectiveConfig& effective) {
  if (!effective.discovery) return {};
  const config::Instance& instance = effective.instances[*effective.discovery];
  return instance.type + '\n' + instance.name + '\n' + instance.parameters.value_or("");
}

void check_discovery(const config::EffectiveConfig& next, const config::EffectiveConfig& running,
                     config::Diagnostics& diagnostics) {
  if (discovery_of(next) == discovery_of(running)) return;
  diagnostics.error(
      "dataLayer.discovery cannot be changed by a reload: where endpoints come from is decided at the start",
      next.discovery ? next.instances[*next.discovery].pointer : "/dataLayer",
      "the discovery that is running, or a restart");
}

bool uses(const config::EffectiveConfig& effective, const std::string& library) {
  return std::any_of(effective.instances.begin(), effective.instances.end(),
                     [&](const config::Instance& instance) { return instance.library == library; });
}

}  // namespace

GenerationBuilder::GenerationBuilder(const config::Options& options, GenerationParts parts)
    : options_(options), parts_(std::move(parts)) {}

std::unique_ptr<Generation> GenerationBuilder::read(const Generation* running, config::Diagnostics& diagnostics) {
  auto next = std::make_unique<Generation>();
  const bool read = read_configuration(options_, next->configuration, diagnostics, &libraries_);
  if (!read) return next;
  next->digest = plugins::sha256_of(next->configuration.loaded.text);
  next->fingerprint = fingerprint_of(next->configuration);
  if (running != nullptr) check_libraries(*next, *running, diagnostics);
  return next;
}

// A library that cannot be loaded is left out at the start. Later it may be one that serves right now: then that is not
// to vanish silently, nor to be replaced by another of the same type.
void GenerationBuilder::check_libraries(const Generation& next, const Generation& running,
                                        config::Diagnostics& diagnostics) const {
  for (const plugins::CatalogueProblem& problem : next.configuration.library_problems) {
    if (problem.path.empty() || !uses(running.configuration.effective, problem.path)) continue;
    diagnostics.error("plugin library \"" + problem.path + "\" is in use and its file cannot be: " + problem.text);
  }
}

bool GenerationBuilder::wire(Generation& next, const Generation* running, config::Diagnostics& diagnostics) {
  if (!wire_configuration(options_, next.configuration, diagnostics)) return false;
  if (running != nullptr) check_discovery(next.configuration.effective, running->configuration.effective, diagnostics);
  return !diagnostics.has_errors();
}

bool GenerationBuilder::build(Generation& next, const Generation* running, const std::string& pool_name,
                              config::Diagnostics& diagnostics) {
  std::vector<scrape::ScrapeSource> sources =
      scrape_sources(next.configuration.effective, parts_.attributes, diagnostics);
  parts_.plugin_metrics.take_refused();
  next.pipeline =
      build_pipeline(options_, next.configuration.catalogue, parts_.environment, next.configuration.effective,
                     diagnostics, running != nullptr ? running->pipeline.get() : nullptr);
  for (const std::string& name : parts_.plugin_metrics.take_refused()) {
    const std::string text = "metric \"" + name + "\" is known with another kind, labels or buckets";
    if (running == nullptr) {
      diagnostics.warning(text, {});
    } else {
      diagnostics.error(text + " until a restart");
    }
  }
  if (next.pipeline == nullptr || diagnostics.has_errors()) return false;
  if (!build_scraper(next, running, std::move(sources), diagnostics)) return false;
  try {
    build_flow_control(next, pool_name);
  } catch (const std::exception& error) {
    diagnostics.error(std::string("flow control cannot be built: ") + error.what(), "/flowControl");
    return false;
  }
  return true;
}

bool GenerationBuilder::build_scraper(Generation& next, const Generation* running,
                                      std::vector<scrape::ScrapeSource> sources, config::Diagnostics& diagnostics) {
  next.scraped = describe_scraping(next.configuration.effective);
  if (running != nullptr && running->scraped == next.scraped) {
    next.scraper = running->scraper;
    return true;
  }
  try {
    next.scraper = parts_.thread.own(
        std::make_unique<scrape::Scraper>(parts_.pool, parts_.table, std::move(sources), &parts_.scrape_observer,
                                          scrape::ScraperOptions{.refresh_interval = options_.refresh_metrics_interval,
                                                                 .on_fault = [log = parts_.log](std::string_view what) {
                                                                   EPP_LOG_ERROR(log, what, "Exception while scraping");
                                                                 }}));
  } catch (const std::exception& error) {
    diagnostics.error(std::string("the data layer cannot be built: ") + error.what(), "/dataLayer");
    return false;
  }
  return true;
}

void GenerationBuilder::build_flow_control(Generation& next, const std::string& pool_name) {
  const config::EffectiveConfig& effective = next.configuration.effective;
  if (!effective.flow_control.enabled) return;
  const plugins::PluginSet& set = *next.pipeline->plugins;
  FlowControlOptions wanted{.dispatcher = dispatcher_options(effective, set),
                            .reclaim = reclaim_options(effective, set, options_),
                            .admission = admission_options(effective.flow_control.epp)};
  const std::shared_ptr<FlowControl> before = newest_queue_.lock();
  if (before != nullptr && before->options() == wanted) {
    next.flow_control = before;
  } else {
    if (queue_metrics_ == nullptr)
      queue_metrics_ = std::make_unique<QueueMetrics>(parts_.registry, parts_.metrics, pool_name);
    next.flow_control =
        parts_.thread.own(std::make_unique<FlowControl>(std::move(wanted),
                                                        FlowControlParts{.pool = parts_.pool,
                                                                         .table = parts_.table,
                                                                         .attributes = parts_.attributes,
                                                                         .objectives = parts_.objectives,
                                                                         .registry = parts_.registry,
                                                                         .metrics = parts_.metrics,
                                                                         .queue_metrics = *queue_metrics_,
                                                                         .log = parts_.log.named("flow-control")},
                                                        before));
  }
  FlowControl::install(next.flow_control, *next.pipeline);
}

void GenerationBuilder::adopt(const Generation& next) {
  if (next.flow_control == nullptr) return;
  const std::shared_ptr<FlowControl> before = newest_queue_.lock();
  if (before == next.flow_control) return;
  if (before != nullptr) before->set_successor(next.flow_control);
  newest_queue_ = next.flow_control;
}

}  // namespace epp::app
