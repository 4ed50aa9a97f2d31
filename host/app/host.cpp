#include "app/host.h"

#include "app/admin_server.h"
#include "app/protocols.h"
#include "discovery/static_list.h"
#include "extproc/grpc_log.h"
#include "extproc/grpc_tuning.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace epp::app {
namespace {

// For answers to requests that still waited when the drain window closed.
constexpr std::chrono::seconds kLastAnswers{1};
// How long the lease may take to be given back; otherwise it runs out.
constexpr std::chrono::seconds kLeaseRelease{3};

// One that a policy of the request queue keeps must leave another.
constexpr unsigned kIoThreads = 2;

unsigned or_default(int wanted, unsigned otherwise) {
  return wanted > 0 ? static_cast<unsigned>(wanted) : otherwise;
}

unsigned cores() {
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Host::Host(const config::Options& options, const telemetry::Logger& log, Failed on_failed)
    : options_(options),
      log_(log),
      on_failed_(std::move(on_failed)),
      metrics_(registry_, {.grpc_stream_metrics = options.enable_grpc_stream_metrics}),
      process_metrics_(telemetry::register_process_metrics(registry_)),
      io_(or_default(options.io_threads, kIoThreads), "io",
          [log](std::string_view what) { EPP_LOG_ERROR(log, what, "Exception in an I/O callback"); }),
      table_(attributes_),
      plugin_log_(log.named("plugin")),
      plugin_metrics_(registry_),
      plugin_observer_(registry_, metrics_, log.named("plugin")),
      plugin_watch_(plugin_observer_, log.named("plugin")),
      graveyard_(std::make_shared<plugins::Graveyard>()),
      environment_{.attributes = &attributes_,
                   .table = &table_,
                   .completions = &completions_,
                   .graveyard = graveyard_,
                   .log = &plugin_log_,
                   .timers = &plugin_timers_,
                   .metrics = &plugin_metrics_,
                   .observer = &plugin_observer_,
                   .call_budget_ns = static_cast<uint64_t>(options.plugin_call_budget.count())},
      scrape_log_(metrics_, log.named("scrape")),
      discovery_log_(log.named("discovery")),
      generations_(options,
                   {.pool = io_,
                    .thread = plugin_thread_,
                    .table = table_,
                    .attributes = attributes_,
                    .objectives = objectives_,
                    .registry = registry_,
                    .metrics = metrics_,
                    .environment = environment_,
                    .plugin_metrics = plugin_metrics_,
                    .scrape_observer = scrape_log_,
                    .log = log},
                   *graveyard_),
      budget_(static_cast<uint64_t>(options.max_buffered_bytes)),
      health_(*this) {
  metrics_.info(EPP_COMMIT, EPP_VERSION);
}

Host::~Host() {
  stop(std::chrono::nanoseconds(0));
}

bool Host::start() {
  extproc::tune_grpc();
  if (!start_generations() || !start_tracing()) return false;
  provide_services();
  if (!start_tls() || !start_cluster() || !start_data_layer()) return false;
  start_reloads();
  return start_servers();
}

bool Host::start_generations() {
  bool good = false;
  plugin_thread_.run([&] { good = generations_.start(); });
  return good;
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

void Host::provide_services() {
  services_.options = {.max_request_body_bytes = static_cast<size_t>(options_.max_request_body_bytes),
                       .max_held_response_bytes = static_cast<size_t>(options_.max_request_body_bytes),
                       .emit_endpoint_scores = options_.emit_endpoint_scores,
                       .disable_endpoint_subset_filter = options_.disable_endpoint_subset_filter,
                       .strict_subset_ports = options_.strict_subset_ports,
                       .splice_model_name = options_.splice_model_name,
                       .stream_responses = options_.stream_responses};
  services_.pipeline = [this] { return generations_.pipeline(); };
  services_.table = &table_;
  services_.attributes = &attributes_;
  services_.completions = &completions_;
  services_.budget = &budget_;
  services_.states = &states_;
  services_.metrics = &metrics_;
  services_.decisions = &decisions_;
  services_.objectives = &objectives_;
  services_.rewrites = &rewrites_;
  if (options_.follower_refuses) services_.stands_by = [this] { return stands_by(); };
  services_.log = log_;
  if (tracing_ != nullptr) services_.tracer = tracing_->tracer(lifecycle::kRequestScope);
}

bool Host::start_tls() {
  if (!options_.secure_serving) return true;
  try {
    certificate_ = std::make_unique<ServingCertificate>(io_, options_, log_);
  } catch (const std::exception& error) {
    EPP_LOG_ERROR(log_, error.what(), "Failed to start ext-proc server");
    return false;
  }
  return true;
}

bool Host::start_cluster() {
  if (!generations_.identity().in_cluster()) return true;
  try {
    cluster_ = std::make_unique<Cluster>(options_, generations_.identity(),
                                         ClusterParts{.pool = io_,
                                                      .table = table_,
                                                      .objectives = objectives_,
                                                      .rewrites = rewrites_,
                                                      .registry = registry_,
                                                      .metrics = metrics_,
                                                      .log = log_.named("cluster"),
                                                      .on_lead_lost = on_failed_});
  } catch (const std::exception& error) {
    EPP_LOG_ERROR(log_, error.what(), "Failed to use the cluster");
    return false;
  }
  return true;
}

bool Host::start_data_layer() {
  table_.add_listener(&scrape_log_);
  generations_.current()->scraper->start();
  pool_metrics_ =
      std::make_unique<PoolMetrics>(io_, table_, attributes_, metrics_,
                                    PoolMetrics::Options{.pool_name = generations_.identity().name,
                                                         .refresh = options_.refresh_prometheus_metrics_interval,
                                                         .staleness = options_.metrics_staleness_threshold});
  try {
    start_discovery();
  } catch (const std::exception& error) {
    EPP_LOG_ERROR(log_, error.what(), "Failed to load the endpoints");
    return false;
  }
  live_.store(true, std::memory_order_relaxed);
  return true;
}

void Host::start_discovery() {
  const PoolIdentity& identity = generations_.identity();
  switch (identity.origin) {
    case EndpointOrigin::kFile: {
      const GenerationPtr generation = generations_.current();
      const config::EffectiveConfig& effective = generation->configuration.effective;
      const config::Instance& instance = effective.instances[*effective.discovery];
      file_discovery_ = std::make_unique<discovery::FileDiscovery>(
          io_, table_,
          discovery::parse_file_discovery_parameters(instance.type, instance.parameters.value_or(std::string())),
          &discovery_log_, &objectives_);
      EPP_LOG(log_, kInfo, "EPP starting (file discovery mode)", {"plugin", instance.name});
      file_discovery_->start();
      return;
    }
    case EndpointOrigin::kStatic:
      EPP_LOG(log_, kInfo, "EPP starting (static endpoints)", {"endpoints", options_.endpoints.size()});
      table_.replace(discovery::static_endpoints(options_.endpoints));
      return;
    case EndpointOrigin::kPool:
    case EndpointOrigin::kSelector:
      EPP_LOG(log_, kInfo, "EPP starting (Kubernetes)", {"pool", identity.name}, {"namespace", options_.pool_namespace},
              {"selector", options_.endpoint_selector});
      cluster_->start();
      return;
  }
}

// Everything that a reload may change serves; who may ask for one comes next.
void Host::start_reloads() {
  reloader_ = std::make_unique<Reloader>(plugin_thread_, registry_, log_.named("reload"), [this] {
    ReloadOutcome outcome = generations_.reload();
    triggers_->watch(generations_.watched_directories());
    return outcome;
  });
  triggers_ = std::make_unique<ReloadTriggers>(io_, options_, [this](std::string_view why) { reload(why); });
  // Where reloads do it, one of which may already be asked for.
  plugin_thread_.run([this] { triggers_->watch(generations_.watched_directories()); });
}

bool Host::start_servers() {
  extproc::route_grpc_log(log_.named("grpc"));
  try {
    admin_ = start_admin_server(
        io_, options_,
        {.registry = &registry_,
         .decisions = &decisions_,
         .generation = [this] { return generations_.current(); },
         .reloader = reloader_.get(),
         .table = &table_,
         .attributes = &attributes_,
         .flow_control = [this] { return flow_control_document(generations_.current()->flow_control.get()); },
         .kubernetes = cluster_ == nullptr ? std::function<std::string()>() : [this] { return cluster_->state_json(); },
         .reviewer = cluster_ == nullptr ? nullptr : cluster_->reviewer()},
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
  if (certificate_ != nullptr) server.tls = certificate_->identity();
  server.threads = or_default(options_.extproc_threads, std::max(2u, cores()));
  server.max_receive_bytes = options_.grpc_max_recv_msg_size;
  server.max_send_bytes = options_.grpc_max_send_msg_size;
  extproc::ServerRoutes routes;
  routes.process = &services_;
  if (options_.health_checking) routes.unary.push_back(&health_);
  std::string error;
  extproc_server_ = extproc::Server::start(server, routes, error);
  if (extproc_server_ == nullptr) {
    EPP_LOG_ERROR(log_, error, "Failed to start ext-proc server", {"port", options_.grpc_port});
    return false;
  }
  plugin_watch_.guard(*extproc_server_);

  // Last, so that nobody is told SERVING before streams are taken.
  extproc::ServerOptions health = listen;
  health.port = options_.grpc_health_port;
  extproc::ServerRoutes health_routes;
  health_routes.unary = {&health_};
  health_server_ = extproc::Server::start(health, health_routes, error);
  if (health_server_ == nullptr) {
    EPP_LOG_ERROR(log_, error, "Failed to start health server", {"port", options_.grpc_health_port});
    return false;
  }
  plugin_watch_.guard(*health_server_);
  EPP_LOG(log_, kInfo, "gRPC server listening", {"name", "ext-proc"}, {"port", extproc_server_->port()},
          {"healthPort", health_server_->port()}, {"metricsPort", admin_->port()});
  return true;
}

bool Host::plugins_ready() const {
  const lifecycle::PipelinePtr pipeline = generations_.pipeline();
  return pipeline != nullptr && pipeline->plugins->not_ready().empty();
}

bool Host::live() const {
  return cluster_ != nullptr ? cluster_->synced() : live_.load(std::memory_order_relaxed);
}

bool Host::protocol_matches() const {
  const lifecycle::PipelinePtr pipeline = generations_.pipeline();
  if (cluster_ == nullptr || pipeline == nullptr) return true;
  return parsers_speak(*pipeline->parsers, cluster_->app_protocol());
}

std::optional<bool> Host::leader() const {
  return cluster_ != nullptr ? cluster_->leader() : std::nullopt;
}

// While it drains it has given the lead away, and yet is to serve what still comes.
bool Host::stands_by() const {
  return !draining() && !leader().value_or(true);
}

void Host::begin_drain() {
  draining_.store(true, std::memory_order_relaxed);
  stop_reloads();
  if (cluster_ != nullptr) cluster_->release_lease(kLeaseRelease);
}

// Streams end by themselves, those that wait in the queue by being served. What still waits when `grace` is over is
// told so, and has a moment to hear it.
void Host::drain(std::chrono::nanoseconds grace) {
  if (extproc_server_ == nullptr) return;
  if (!generations_.has_queues()) {
    extproc_server_->shutdown(grace);
    return;
  }
  net::Timer last_call(io_);
  last_call.once(grace, [this] { generations_.stop_queues(); });
  extproc_server_->shutdown(grace + kLastAnswers);
}

// One that is under way is waited for; it still uses the triggers.
void Host::stop_reloads() {
  generations_.give_up();
  if (reloader_ != nullptr) reloader_->stop();
  triggers_.reset();
}

// Until the last stream has ended all that streams depend on goes on: watches, scraping, flow control, metrics.
void Host::stop(std::chrono::nanoseconds grace) {
  draining_.store(true, std::memory_order_relaxed);
  stop_reloads();
  drain(grace);
  if (health_server_ != nullptr) health_server_->shutdown(std::chrono::nanoseconds(0));
  plugin_watch_.release_servers();
  if (admin_ != nullptr) admin_->stop(std::chrono::seconds(1));
  certificate_.reset();
  cluster_.reset();
  file_discovery_.reset();
  pool_metrics_.reset();
  plugin_thread_.run([this] { generations_.clear(); });
  plugin_thread_.stop();
  graveyard_->collect();
  table_.remove_listener(&scrape_log_);
  io_.stop();
}

}  // namespace epp::app
