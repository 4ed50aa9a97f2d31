// Everything of one serving process, in the order in which it must live: what is declared later uses what is declared
// earlier, so destruction is the shutdown order.
#pragma once

#include "app/cluster.h"
#include "app/generations.h"
#include "app/observers.h"
#include "app/plugin_services.h"
#include "app/plugin_thread.h"
#include "app/plugin_watch.h"
#include "app/pool_metrics.h"
#include "app/reload_triggers.h"
#include "app/reloader.h"
#include "app/serving_certificate.h"
#include "config/options.h"
#include "discovery/file_discovery.h"
#include "endpoints/endpoint_table.h"
#include "extproc/health.h"
#include "extproc/server.h"
#include "lifecycle/memory_budget.h"
#include "lifecycle/request_state.h"
#include "lifecycle/services.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "objectives/objective_table.h"
#include "objectives/rewrite_table.h"
#include "plugins/completion.h"
#include "plugins/graveyard.h"
#include "telemetry/decision_log.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/tracing.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epp::app {

class Host final : public extproc::HealthInputs {
 public:
  // Receives why the process is to end although nobody asked it to. [any thread]
  using Failed = std::function<void(std::string_view why)>;

  Host(const config::Options& options, const telemetry::Logger& log, Failed on_failed);
  ~Host() override;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Builds everything and serves. False after the reason was logged. [main]
  bool start();
  // Asks for a reload of the configuration. [any thread]
  void reload(std::string_view why) { reloader_->request(why); }
  // Health answers NOT_SERVING from here on, and another replica may lead. All else goes on as before. [main]
  void begin_drain();
  // Takes no new streams; open ones get `grace`. Then everything is taken down. [main]
  void stop(std::chrono::nanoseconds grace);

  // extproc::HealthInputs
  bool live() const override;
  bool protocol_matches() const override;
  bool plugins_ready() const override;
  bool draining() const override { return draining_.load(std::memory_order_relaxed); }
  std::optional<bool> leader() const override;

 private:
  bool start_tracing();
  bool start_generations();
  void provide_services();
  bool start_tls();
  bool start_cluster();
  bool start_data_layer();
  void start_discovery();
  void start_reloads();
  bool start_servers();
  void drain(std::chrono::nanoseconds grace);
  void stop_reloads();
  // Another replica leads, and this one was told to refuse then.
  bool stands_by() const;

  const config::Options& options_;
  telemetry::Logger log_;
  const Failed on_failed_;
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
  objectives::RewriteTable rewrites_;

  PluginLog plugin_log_;
  PluginTimers plugin_timers_;
  PluginMetrics plugin_metrics_;
  PluginObserver plugin_observer_;
  PluginWatch plugin_watch_;
  plugins::CompletionTable completions_;
  std::shared_ptr<plugins::Graveyard> graveyard_;
  plugins::Environment environment_;

  ScrapeLog scrape_log_;
  DiscoveryLog discovery_log_;
  PluginThread plugin_thread_;
  Generations generations_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<ReloadTriggers> triggers_;

  lifecycle::MemoryBudget budget_;
  lifecycle::RequestStatePool states_;
  lifecycle::Services services_;

  std::unique_ptr<discovery::FileDiscovery> file_discovery_;
  std::unique_ptr<Cluster> cluster_;  // null: no Kubernetes
  std::unique_ptr<PoolMetrics> pool_metrics_;

  std::unique_ptr<ServingCertificate> certificate_;  // null: plaintext
  extproc::HealthService health_;
  std::unique_ptr<net::HttpServer> admin_;
  std::unique_ptr<extproc::Server> health_server_;
  std::unique_ptr<extproc::Server> extproc_server_;
};

}  // namespace epp::app
