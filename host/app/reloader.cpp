#include "app/reloader.h"

#include <algorithm>
#include <utility>

namespace epp::app {
namespace {

using Result = ReloadOutcome::Result;

std::string_view label_of(Result result) {
  switch (result) {
    case Result::kApplied:
      return "applied";
    case Result::kUnchanged:
      return "unchanged";
    case Result::kRefused:
    case Result::kStopping:
      break;
  }
  return "refused";
}

double unix_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// Each reason once.
template <typename Requests>
std::string reasons_of(const Requests& requests) {
  std::vector<std::string_view> reasons;
  for (const auto& request : requests) {
    if (std::find(reasons.begin(), reasons.end(), request.why) == reasons.end()) reasons.push_back(request.why);
  }
  std::string text;
  for (const std::string_view reason : reasons) {
    if (!text.empty()) text += ", ";
    text += reason;
  }
  return text;
}

}  // namespace

Reloader::Reloader(PluginThread& thread, telemetry::Registry& registry, telemetry::Logger log, Attempt attempt)
    : thread_(thread),
      log_(std::move(log)),
      attempt_(std::move(attempt)),
      reloads_(registry.counter({.name = "epp_config_reloads_total",
                                 .help = "Reloads of the configuration, by what became of them.",
                                 .labels = {"result"}})),
      succeeded_(
          registry
              .gauge({.name = "epp_config_last_reload_successful",
                      .help = "1 unless the last reload was refused and the configuration before it still runs."})
              ->with({})),
      success_time_(registry
                        .gauge({.name = "epp_config_last_reload_success_timestamp_seconds",
                                .help = "When the configuration was last found good, in seconds since 1970."})
                        ->with({})) {
  for (const Result result : {Result::kApplied, Result::kUnchanged, Result::kRefused})
    reloads_->inc({label_of(result)}, 0);
  succeeded_.set(1);
  success_time_.set(unix_seconds(std::chrono::system_clock::now()));
}

Reloader::~Reloader() {
  stop();
}

void Reloader::request(std::string_view why, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      waiting_.push_back({std::string(why), std::move(done)});
      if (!std::exchange(scheduled_, true)) thread_.post([this] { run(); });
      return;
    }
  }
  if (done) done({.result = Result::kStopping, .generation = 0, .errors = {"shutting down"}});
}

void Reloader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  thread_.run([] {});
}

void Reloader::run() {
  std::vector<Request> requests;
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    requests.swap(waiting_);
    scheduled_ = false;
    stopping = stopping_;
  }
  ReloadOutcome outcome{.result = Result::kStopping, .generation = 0, .errors = {"shutting down"}};
  if (!stopping) {
    outcome = attempt_();
    record(outcome, requests);
  }
  for (const Request& request : requests) {
    if (request.done) request.done(outcome);
  }
}

void Reloader::record(const ReloadOutcome& outcome, const std::vector<Request>& requests) {
  const auto now = std::chrono::system_clock::now();
  const bool refused = outcome.result == Result::kRefused;
  reloads_->inc({label_of(outcome.result)});
  succeeded_.set(refused ? 0 : 1);
  if (!refused) success_time_.set(unix_seconds(now));
  const std::string reasons = reasons_of(requests);
  switch (outcome.result) {
    case Result::kApplied:
      EPP_LOG(log_, kInfo, "Configuration reloaded", {"generation", outcome.generation}, {"because", reasons});
      break;
    case Result::kUnchanged:
      if (last_failure()) {
        EPP_LOG(log_, kInfo, "What was refused is gone, the running configuration is the one on disk",
                {"generation", outcome.generation}, {"because", reasons});
      } else {
        EPP_LOG(log_, kVerbose, "Nothing to reload", {"generation", outcome.generation}, {"because", reasons});
      }
      break;
    case Result::kRefused:
    case Result::kStopping:
      for (const std::string& error : outcome.errors)
        EPP_LOG_ERROR(log_, error, "Configuration not reloaded, the running one stays",
                      {"generation", outcome.generation}, {"because", reasons});
      break;
  }
  const std::lock_guard lock(mutex_);
  failure_.reset();
  if (refused) failure_ = Failure{now, outcome.errors};
}

std::optional<Reloader::Failure> Reloader::last_failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace epp::app
