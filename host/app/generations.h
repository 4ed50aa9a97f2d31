// The generation that serves, and how the next one takes its place.
//
//   read -> same as now? -> wire -> build beside -> ready? -> scraper on -> publish -> old scraper off
//        \- any error: everything that was built goes, the running generation has not noticed
//
// Publishing is one pointer. Requests end on the generation that they began with.
#pragma once

#include "app/current.h"
#include "app/generation.h"
#include "app/pool_identity.h"
#include "app/reloader.h"
#include "config/options.h"
#include "plugins/graveyard.h"
#include "telemetry/metrics.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace epp::app {

class Generations {
 public:
  // `options` and `graveyard` outlive it.
  Generations(const config::Options& options, GenerationParts parts, plugins::Graveyard& graveyard);
  ~Generations();
  Generations(const Generations&) = delete;
  Generations& operator=(const Generations&) = delete;

  // ---- [plugin thread] ----
  // The first one; its scraper has not begun. False after the reasons were logged.
  bool start();
  ReloadOutcome reload();
  // Nobody is served any more.
  void clear();

  // ---- [any thread] ----
  GenerationPtr current() const { return current_.get(); }  // null before start() and after clear()
  lifecycle::PipelinePtr pipeline() const;
  // Directories of the running configuration, and of the last one that was tried.
  std::vector<std::string> watched_directories() const;
  bool has_queues() const;  // somebody may wait in one
  // Everything that waits in a queue, old ones included, is refused because of the shutdown.
  void stop_queues();
  // A reload that waits for plugins to get ready gives up.
  void give_up() { give_up_.store(true, std::memory_order_relaxed); }

  const PoolIdentity& identity() const { return identity_; }  // after start()

 private:
  void publish(std::unique_ptr<Generation> next);
  ReloadOutcome refuse(const Generation& next, const config::Diagnostics& diagnostics) const;
  bool await_readiness(const Generation& next, const Generation& running, config::Diagnostics& diagnostics) const;
  void remember_directories(const Generation& tried);

  const config::Options& options_;
  const GenerationParts parts_;
  plugins::Graveyard& graveyard_;
  GenerationBuilder builder_;
  PoolIdentity identity_;
  std::uint64_t last_number_ = 0;
  std::atomic<bool> give_up_{false};
  Current<const Generation> current_;
  std::shared_ptr<std::atomic<std::uint64_t>> alive_;
  std::vector<telemetry::CallbackHandle> gauges_;

  mutable std::mutex mutex_;  // guards the rest
  std::vector<std::string> directories_;
  std::vector<std::weak_ptr<FlowControl>> queues_;
};

}  // namespace epp::app
