#include "app/generations.h"

#include "app/data_layer.h"
#include "app/report.h"
#include "config/flags.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace epp::app {
namespace {

using Clock = std::chrono::steady_clock;
using Result = ReloadOutcome::Result;

// How long new instances may take to say that they are ready, and how often they are asked.
constexpr std::chrono::seconds kReadyLimit{10};
constexpr std::chrono::milliseconds kReadyPoll{10};

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

void report_libraries(const telemetry::Logger& log, const Generation& next, const Generation* running) {
  const auto known = [&](const plugins::CatalogueProblem& problem) {
    if (running == nullptr) return false;
    const auto& before = running->configuration.library_problems;
    return std::any_of(before.begin(), before.end(), [&](const plugins::CatalogueProblem& other) {
      return other.path == problem.path && other.text == problem.text;
    });
  };
  for (const plugins::CatalogueProblem& problem : next.configuration.library_problems) {
    if (!known(problem)) EPP_LOG_ERROR(log, problem.text, "Plugin library left out", {"library", problem.path});
  }
}

// Bypassed instances get a new chance although nothing changed.
bool anybody_bypassed(const Generation& generation) {
  const auto& instances = generation.pipeline->plugins->instances;
  return std::any_of(instances.begin(), instances.end(), [](const auto& instance) { return instance->bypassed(); });
}

}  // namespace

Generations::Generations(const config::Options& options, GenerationParts parts, plugins::Graveyard& graveyard)
    : options_(options),
      parts_(parts),
      graveyard_(graveyard),
      builder_(options, std::move(parts)),
      alive_(std::make_shared<std::atomic<std::uint64_t>>(0)) {
  // The last reference to an instance may go anywhere; the instance goes here.
  graveyard_.set_listener(
      [&thread = parts_.thread, &graveyard] { thread.post([&graveyard] { graveyard.collect(); }); });
  const auto gauge = [this](const char* name, const char* help, telemetry::MetricKind kind, auto read) {
    gauges_.push_back(parts_.registry.callback(
        {.name = name, .help = help}, kind,
        [read](telemetry::CallbackSink& sink) { sink.emit({}, static_cast<double>(read())); }));
  };
  using Kind = telemetry::MetricKind;
  gauge("epp_config_generation", "Number of the configuration that serves, from 1 at the start.", Kind::kGauge, [this] {
    const GenerationPtr generation = current_.get();
    return generation != nullptr ? generation->number : 0;
  });
  gauge("epp_config_generations_alive", "Configurations that serve requests, old ones included.", Kind::kGauge,
        [alive = alive_] { return alive->load(); });
  gauge("epp_plugin_libraries_loaded", "Plugin libraries that are loaded.", Kind::kGauge,
        [] { return plugins::Library::loaded(); });
  gauge("epp_plugin_libraries_stayed_mapped_total", "Plugin libraries that did not go when they were unloaded.",
        Kind::kCounter, [] { return plugins::Library::stayed_mapped(); });
}

Generations::~Generations() {
  gauges_.clear();
}

lifecycle::PipelinePtr Generations::pipeline() const {
  GenerationPtr generation = current_.get();
  if (generation == nullptr) return nullptr;
  const lifecycle::Pipeline* const pipeline = generation->pipeline.get();
  return {std::move(generation), pipeline};
}

bool Generations::start() {
  config::Diagnostics diagnostics;
  std::unique_ptr<Generation> next = builder_.read(nullptr, diagnostics);
  report_libraries(parts_.log, *next, nullptr);
  bool good = !diagnostics.has_errors() && builder_.wire(*next, nullptr, diagnostics);
  if (good) {
    try {
      identity_ =
          identify_pool(options_, next->configuration.effective.discovery.has_value(), config::process_environment());
      good = builder_.build(*next, nullptr, identity_.name, diagnostics);
    } catch (const std::exception& error) {
      EPP_LOG_ERROR(parts_.log, error.what(), "Failed to tell which pool to serve");
      good = false;
    }
  }
  report(parts_.log, diagnostics, next->configuration.loaded.source);
  if (good) publish(std::move(next));
  return good;
}

ReloadOutcome Generations::reload() {
  const GenerationPtr running = current_.get();
  config::Diagnostics diagnostics;
  std::unique_ptr<Generation> next = builder_.read(running.get(), diagnostics);
  remember_directories(*next);
  if (diagnostics.has_errors()) return refuse(*next, diagnostics);
  if (next->fingerprint == running->fingerprint && !anybody_bypassed(*running))
    return {.result = Result::kUnchanged, .generation = running->number, .errors = {}};
  report_libraries(parts_.log, *next, running.get());
  const bool good = builder_.wire(*next, running.get(), diagnostics) &&
                    builder_.build(*next, running.get(), identity_.name, diagnostics) &&
                    await_readiness(*next, *running, diagnostics);
  if (!good) return refuse(*next, diagnostics);
  report(parts_.log, diagnostics, next->configuration.loaded.source);

  const std::shared_ptr<scrape::Scraper> scraper = next->scraper;
  const bool scrapes_anew = scraper != running->scraper;
  if (scrapes_anew) scraper->start();
  publish(std::move(next));
  if (scrapes_anew) {
    running->scraper->stop();
    forget_unscraped(running->configuration.effective, current_.get()->configuration.effective, parts_.attributes,
                     parts_.table);
  }
  return {.result = Result::kApplied, .generation = last_number_, .errors = {}};
}

ReloadOutcome Generations::refuse(const Generation& next, const config::Diagnostics& diagnostics) const {
  ReloadOutcome outcome{.result = Result::kRefused, .generation = last_number_, .errors = {}};
  for (const config::Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity == config::Severity::kError)
      outcome.errors.push_back(report_line(diagnostic, next.configuration.loaded.source));
  }
  return outcome;
}

// Instances that are not ready would take the whole process out of service.
bool Generations::await_readiness(const Generation& next, const Generation& running,
                                  config::Diagnostics& diagnostics) const {
  const auto deadline = Clock::now() + kReadyLimit;
  for (;;) {
    std::vector<std::string> late = next.pipeline->plugins->not_ready();
    std::erase_if(late, [&](const std::string& name) {
      return running.pipeline->plugins->find(name) == next.pipeline->plugins->find(name);
    });
    if (late.empty()) return true;
    if (give_up_.load(std::memory_order_relaxed) || Clock::now() >= deadline) {
      for (const std::string& name : late)
        diagnostics.error("plugin \"" + name + "\" is not ready");
      return false;
    }
    std::this_thread::sleep_for(kReadyPoll);
  }
}

void Generations::publish(std::unique_ptr<Generation> next) {
  next->number = ++last_number_;
  next->since = std::chrono::system_clock::now();
  EPP_LOG(parts_.log, kInfo, "Effective configuration", {"generation", next->number},
          telemetry::LogField::json("config", to_json(next->configuration.effective, /*with_parameters=*/false)));
  remember_directories(*next);
  builder_.adopt(*next);
  if (next->flow_control != nullptr) {
    const std::lock_guard lock(mutex_);
    std::erase_if(queues_, [](const std::weak_ptr<FlowControl>& queue) { return queue.expired(); });
    queues_.push_back(next->flow_control);
  }
  alive_->fetch_add(1);
  next->counted = std::shared_ptr<void>(nullptr, [alive = alive_](void*) { alive->fetch_sub(1); });
  current_.set(parts_.thread.own(std::move(next)));
}

void Generations::remember_directories(const Generation& tried) {
  const GenerationPtr running = current_.get();
  std::vector<std::string> all = tried.configuration.plugin_directories;
  if (running != nullptr) {
    for (const std::string& directory : running->configuration.plugin_directories) {
      if (std::find(all.begin(), all.end(), directory) == all.end()) all.push_back(directory);
    }
  }
  const std::lock_guard lock(mutex_);
  directories_ = std::move(all);
}

std::vector<std::string> Generations::watched_directories() const {
  const std::lock_guard lock(mutex_);
  return directories_;
}

bool Generations::has_queues() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(queues_.begin(), queues_.end(), [](const auto& queue) { return !queue.expired(); });
}

void Generations::stop_queues() {
  std::vector<std::weak_ptr<FlowControl>> queues;
  {
    const std::lock_guard lock(mutex_);
    queues = queues_;
  }
  for (const std::weak_ptr<FlowControl>& queue : queues) {
    if (const std::shared_ptr<FlowControl> waiting = queue.lock()) waiting->dispatcher().stop();
  }
}

void Generations::clear() {
  if (const GenerationPtr last = current_.get()) last->scraper->stop();
  current_.set(nullptr);
}

}  // namespace epp::app
