#include "app/host.h"

#include "app/admin_server.h"
#include "app/data_layer.h"
#include "app/pipeline_builder.h"
#include "app/report.h"
#include "discovery/static_list.h"
#include "extproc/grpc_log.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace epp::app {
namespace {

constexpr std::chrono::milliseconds kReloadDebounce{250};
// For answers to requests that still waited when the drain window closed.
constexpr std::chrono::seconds kLastAnswers{1};

unsigned or_default(int wanted, unsigned otherwise) {
  return wanted > 0 ? static_cast<unsigned>(wanted) : otherwise;
}

unsigned cores() {
  return std::max(1u, std::thread::hardware_concurrency());
}

void report(const telemetry::Logger& log, const config::Diagnostics& diagnostics, const config::SourceMap& source) {
  for (const config::Diagnostic& diagnostic : diagnostics.all()) {
    const std::string line = report_line(diagnostic, source);
    if (diagnostic.severity == config::Severity::kError) {
      EPP_LOG_ERROR(log, line, "Invalid configuration");
    } else {
      EPP_LOG(log, kInfo, line);
    }
  }
}

}  // namespace

Host::Host(const config::Options& options, const telemetry::Logger& log)
    : options_(options),
      log_(log),
      metrics_(registry_, {.grpc_stream_metrics = options.enable_grpc_stream_metrics}),
      process_metrics_(telemetry::register_process_metrics(registry_)),
      io_(or_default(options.io_threads, std::min(2u, cores())), "io",
          [log](std::string_view what) { EPP_LOG_ERROR(log, what, "Exception in an I/O callback"); }),
      table_(attributes_),
      plugin_log_(log.named("plugin")),
      plugin_metrics_(registry_),
      plugin_observer_(registry_, metrics_, log.named("plugin")),
      graveyard_(std::make_shared<plugins::Graveyard>()),
      environment_{.attributes = &attributes_,
                   .table = &table_,
                   .completions = &completions_,
                   .graveyard = graveyard_,
                   .log = &plugin_log_,
                   .timers = &plugin_timers_,
                   .metrics = &plugin_metrics_,
                   .observer = &plugin_observer_},
      budget_(static_cast<uint64_t>(options.max_buffered_bytes)),
      scrape_log_(metrics_, log.named("scrape")),
      discovery_log_(log.named("discovery")),
      health_port_(*this) {
  metrics_.info(EPP_COMMIT, EPP_VERSION);
}

Host::~Host() {
  stop(std::chrono::nanoseconds(0));
}

bool Host::start() {
  return configure() && start_tracing() && build() && start_tls() && start_data_layer() && start_servers();
}

bool Host::configure() {
  config::Diagnostics diagnostics;
  const bool good = load_configuration(options_, configuration_, diagnostics);
  for (const plugins::CatalogueProblem& problem : configuration_.library_problems) {
    EPP_LOG_ERROR(log_, problem.text, "Plugin library left out", {"library", problem.path});
  }
  if (good && !configuration_.effective.discovery && options_.endpoints.empty()) {
    diagnostics.error("Kubernetes discovery is not available in this version", "/dataLayer",
                      "dataLayer.discovery, or --endpoint");
  }
  report(log_, diagnostics, configuration_.loaded.source);
  return good && !diagnostics.has_errors();
}

bool Host::start_tracing() {
  if (!options_.tracing) return true;
  std::string error;
  const auto config =
      telemetry::tracing_config_from_env(telemetry::process_environment(), EPP_VERSION, EPP_COMMIT, &error);
  if (config) {
    for (const std::string& warning : config->warnings) {
      EPP_LOG(log_, kInfo, "WARNING: " + warning);
    }
    tracing_ = telemetry::Tracing::create(*config, &error, [log = log_](std::string_view reason) {
      EPP_LOG(log, kInfo, "Spans were lost", {"error", reason});
    });
  }
  if (tracing_ != nullptr) return true;
  EPP_LOG_ERROR(log_, error, "Failed to start tracing");
  return false;
}

bool Host::build() {
  config::Diagnostics diagnostics;
  sources_ = scrape_sources(configuration_.effective, attributes_, diagnostics);
  auto pipeline =
      build_pipeline(options_, configuration_.catalogue, environment_, configuration_.effective, diagnostics);
  report(log_, diagnostics, configuration_.loaded.source);
  if (pipeline == nullptr || diagnostics.has_errors()) return false;
  if (configuration_.effective.flow_control.enabled) install_flow_control(*pipeline);
  pipeline_ = std::move(pipeline);
  EPP_LOG(log_, kInfo, "Effective configuration",
          telemetry::LogField::json("config", to_json(configuration_.effective, /*with_parameters=*/false)));

  services_.options = {.max_request_body_bytes = static_cast<size_t>(options_.max_request_body_bytes),
                       .max_held_response_bytes = static_cast<size_t>(options_.max_request_body_bytes),
                       .emit_endpoint_scores = options_.emit_endpoint_scores,
                       .disable_endpoint_subset_filter = options_.disable_endpoint_subset_filter,
                       .strict_subset_ports = options_.strict_subset_ports,
                       .splice_model_name = options_.splice_model_name,
                       .stream_responses = options_.stream_responses,
                       .typed_admitter_denials = configuration_.effective.flow_control.epp.typed_admitter_denials};
  services_.pipeline = [this] { return pipeline_; };
  services_.table = &table_;
  services_.attributes = &attributes_;
  services_.completions = &completions_;
  services_.budget = &budget_;
  services_.states = &states_;
  services_.metrics = &metrics_;
  services_.decisions = &decisions_;
  services_.objectives = &objectives_;
  services_.log = log_;
  if (tracing_ != nullptr) services_.tracer = tracing_->tracer(lifecycle::kRequestScope);
  return true;
}

void Host::install_flow_control(lifecycle::Pipeline& pipeline) {
  const config::EffectiveConfig& effective = configuration_.effective;
  flow_control_ = std::make_shared<FlowControl>(dispatcher_options(effective, *pipeline.plugins),
                                                reclaim_options(effective, *pipeline.plugins, options_),
                                                admission_options(effective.flow_control.epp),
                                                FlowControlParts{.pool = io_,
                                                                 .table = table_,
                                                                 .attributes = attributes_,
                                                                 .objectives = objectives_,
                                                                 .registry = registry_,
                                                                 .metrics = metrics_,
                                                                 .log = log_.named("flow-control"),
                                                                 .pool_name = pool_name()});
  FlowControl::install(flow_control_, pipeline);
}

bool Host::start_data_layer() {
  table_.add_listener(&scrape_log_);
  scraper_ =
      std::make_unique<scrape::Scraper>(io_, table_, std::move(sources_), &scrape_log_,
                                        scrape::ScraperOptions{.refresh_interval = options_.refresh_metrics_interval});
  scraper_->start();
  pool_metrics_ =
      std::make_unique<PoolMetrics>(io_, table_, attributes_, metrics_,
                                    PoolMetrics::Options{.pool_name = pool_name(),
                                                         .refresh = options_.refresh_prometheus_metrics_interval,
                                                         .staleness = options_.metrics_staleness_threshold});
  try {
    if (const auto index = configuration_.effective.discovery) {
      const config::Instance& instance = configuration_.effective.instances[*index];
      file_discovery_ = std::make_unique<discovery::FileDiscovery>(
          io_, table_,
          discovery::parse_file_discovery_parameters(instance.type, instance.parameters.value_or(std::string())),
          &discovery_log_, &objectives_);
      EPP_LOG(log_, kInfo, "EPP starting (file discovery mode)", {"plugin", instance.name});
      file_discovery_->start();
    } else {
      EPP_LOG(log_, kInfo, "EPP starting (static endpoints)", {"endpoints", options_.endpoints.size()});
      table_.replace(discovery::static_endpoints(options_.endpoints));
    }
  } catch (const std::exception& error) {
    EPP_LOG_ERROR(log_, error.what(), "Failed to load the endpoints");
    return false;
  }
  live_.store(true, std::memory_order_relaxed);
  return true;
}

bool Host::start_tls() {
  if (!options_.secure_serving) return true;
  std::string error = extproc::refuse_tls_settings(options_.tls_min_version, options_.tls_cipher_suites);
  if (!error.empty()) {
    EPP_LOG_ERROR(log_, error, "TLS settings refused");
    return false;
  }
  if (options_.cert_path.empty()) {
    tls_ = std::make_shared<extproc::TlsIdentity>(extproc::make_self_signed(extproc::local_names()));
    return true;
  }
  auto pair = extproc::read_pair(options_.cert_path, error);
  if (!pair) {
    EPP_LOG_ERROR(log_, "failed to create self signed certificate - " + error, "Failed to start ext-proc server");
    return false;
  }
  tls_ = std::make_shared<extproc::TlsIdentity>(std::move(*pair));
  if (options_.enable_cert_reload) {
    // Both files are watched: a pair is often replaced one file at a time, and only the second change makes it whole.
    const auto reload = [this](net::FileEvent) { reload_pair(options_.cert_path, *tls_, log_); };
    const net::FileWatcherOptions watch{.debounce = kReloadDebounce};
    certificate_watcher_ = std::make_unique<net::FileWatcher>(io_, options_.cert_path + "/tls.crt", reload, watch);
    key_watcher_ = std::make_unique<net::FileWatcher>(io_, options_.cert_path + "/tls.key", reload, watch);
  }
  return true;
}

bool Host::start_servers() {
  extproc::route_grpc_log(log_.named("grpc"));
  try {
    admin_ = start_admin_server(io_, options_,
                                {.registry = &registry_,
                                 .decisions = &decisions_,
                                 .pipeline = [this] { return pipeline_; },
                                 .table = &table_,
                                 .attributes = &attributes_,
                                 .flow_control = [this] { return flow_control_document(flow_control_.get()); }},
                                log_);
  } catch (const std::exception& error) {
    EPP_LOG_ERROR(log_, error.what(), "Failed to start metrics server", {"port", options_.metrics_port});
    return false;
  }
  extproc::ServerOptions listen;
  listen.address = options_.bind_address;
  listen.reuse_port = options_.reuse_port;

  extproc::ServerOptions server = listen;
  server.port = options_.grpc_port;
  server.tls = tls_;
  server.threads = or_default(options_.extproc_threads, 2 * cores());
  server.max_receive_bytes = options_.grpc_max_recv_msg_size;
  server.max_send_bytes = options_.grpc_max_send_msg_size;
  extproc::ServerRoutes routes;
  routes.process = &services_;
  if (options_.health_checking) routes.unary.push_back(&stock_health_);
  std::string error;
  extproc_server_ = extproc::Server::start(server, routes, error);
  if (extproc_server_ == nullptr) {
    EPP_LOG_ERROR(log_, error, "Failed to start ext-proc server", {"port", options_.grpc_port});
    return false;
  }

  // Last, so that nobody is told SERVING before streams are taken.
  extproc::ServerOptions health = listen;
  health.port = options_.grpc_health_port;
  extproc::ServerRoutes health_routes;
  health_routes.unary = {&health_port_};
  health_server_ = extproc::Server::start(health, health_routes, error);
  if (health_server_ == nullptr) {
    EPP_LOG_ERROR(log_, error, "Failed to start health server", {"port", options_.grpc_health_port});
    return false;
  }
  EPP_LOG(log_, kInfo, "gRPC server listening", {"name", "ext-proc"}, {"port", extproc_server_->port()},
          {"healthPort", health_server_->port()}, {"metricsPort", admin_->port()});
  return true;
}

bool Host::plugins_ready() const {
  return pipeline_ != nullptr && pipeline_->plugins->not_ready().empty();
}

std::string Host::pool_name() const {
  return options_.pool_name.empty() ? "epp" : options_.pool_name;
}

// Streams end by themselves, those that wait in the queue by being served. What still waits when `grace` is over is
// told so, and has a moment to hear it.
void Host::drain(std::chrono::nanoseconds grace) {
  if (extproc_server_ == nullptr) return;
  if (flow_control_ == nullptr) {
    extproc_server_->shutdown(grace);
    return;
  }
  net::Timer last_call(io_);
  last_call.once(grace, [this] { flow_control_->dispatcher().stop(); });
  extproc_server_->shutdown(grace + kLastAnswers);
}

void Host::stop(std::chrono::nanoseconds grace) {
  draining_.store(true, std::memory_order_relaxed);
  drain(grace);
  if (health_server_ != nullptr) health_server_->shutdown(std::chrono::nanoseconds(0));
  if (admin_ != nullptr) admin_->stop(std::chrono::seconds(1));
  certificate_watcher_.reset();
  key_watcher_.reset();
  file_discovery_.reset();
  pool_metrics_.reset();
  if (scraper_ != nullptr) {
    scraper_->stop();
    scraper_.reset();
    table_.remove_listener(&scrape_log_);
  }
  pipeline_.reset();
  flow_control_.reset();
  graveyard_->collect();
  io_.stop();
}

}  // namespace epp::app
