// Everything of one serving process, in the order in which it must live: what is declared later uses what is declared
// earlier, so destruction is the shutdown order.
#pragma once

#include "app/configuration.h"
#include "app/flow_control.h"
#include "app/observers.h"
#include "app/plugin_services.h"
#include "app/pool_metrics.h"
#include "config/options.h"
#include "discovery/file_discovery.h"
#include "endpoints/endpoint_table.h"
#include "extproc/health.h"
#include "extproc/server.h"
#include "extproc/tls.h"
#include "lifecycle/memory_budget.h"
#include "lifecycle/request_state.h"
#include "lifecycle/services.h"
#include "net/file_watcher.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "objectives/objective_table.h"
#include "plugins/completion.h"
#include "plugins/graveyard.h"
#include "scrape/scraper.h"
#include "telemetry/decision_log.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/tracing.h"

#include <atomic>
#include <memory>
#include <string>

namespace epp::app {

class Host final : public extproc::HealthInputs {
 public:
  Host(const config::Options& options, const telemetry::Logger& log);
  ~Host() override;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Builds everything and serves. False after the reason was logged. [main]
  bool start();
  // Health answers NOT_SERVING from here on.
  void begin_drain() { draining_.store(true, std::memory_order_relaxed); }
  // Takes no new streams; open ones get `grace`. Then everything is taken down. [main]
  void stop(std::chrono::nanoseconds grace);

  // extproc::HealthInputs
  bool live() const override { return live_.load(std::memory_order_relaxed); }
  bool protocol_matches() const override { return true; }  // the pool's protocol is known to Kubernetes only
  bool plugins_ready() const override;
  bool draining() const override { return draining_.load(std::memory_order_relaxed); }
  std::optional<bool> leader() const override { return std::nullopt; }

 private:
  bool configure();
  bool start_tracing();
  bool build();
  void install_flow_control(lifecycle::Pipeline& pipeline);
  bool start_data_layer();
  bool start_tls();
  bool start_servers();
  void drain(std::chrono::nanoseconds grace);
  std::string pool_name() const;

  const config::Options& options_;
  telemetry::Logger log_;
  std::atomic<bool> live_{false};
  std::atomic<bool> draining_{false};

  telemetry::Registry registry_;
  telemetry::EppMetrics metrics_;
  std::vector<telemetry::CallbackHandle> process_metrics_;
  telemetry::DecisionLog decisions_;
  std::unique_ptr<telemetry::Tracing> tracing_;
  net::IoPool io_;

  endpoints::AttributeRegistry attributes_;
  endpoints::EndpointTable table_;
  objectives::ObjectiveTable objectives_;

  PluginLog plugin_log_;
  PluginTimers plugin_timers_;
  PluginMetrics plugin_metrics_;
  PluginObserver plugin_observer_;
  plugins::CompletionTable completions_;
  std::shared_ptr<plugins::Graveyard> graveyard_;
  plugins::Environment environment_;

  Configuration configuration_;
  std::shared_ptr<FlowControl> flow_control_;  // null: the gate is off
  lifecycle::PipelinePtr pipeline_;
  lifecycle::MemoryBudget budget_;
  lifecycle::RequestStatePool states_;
  lifecycle::Services services_;

  ScrapeLog scrape_log_;
  DiscoveryLog discovery_log_;
  std::vector<scrape::ScrapeSource> sources_;
  std::unique_ptr<scrape::Scraper> scraper_;
  std::unique_ptr<discovery::FileDiscovery> file_discovery_;
  std::unique_ptr<PoolMetrics> pool_metrics_;

  std::shared_ptr<extproc::TlsIdentity> tls_;
  std::unique_ptr<net::FileWatcher> certificate_watcher_;
  std::unique_ptr<net::FileWatcher> key_watcher_;
  extproc::HealthPort health_port_;
  extproc::StockHealth stock_health_;
  std::unique_ptr<net::HttpServer> admin_;
  std::unique_ptr<extproc::Server> health_server_;
  std::unique_ptr<extproc::Server> extproc_server_;
};

}  // namespace epp::app
