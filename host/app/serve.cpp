// `epp run`: start, wait for a signal or until the host cannot go on, drain, stop.
#include "app/app.h"
#include "app/host.h"
#include "app/stop_events.h"
#include "config/flags.h"
#include "telemetry/log.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>

#include <sys/resource.h>

namespace epp::app {

namespace {

// Every endpoint is a connection; the usual soft limit of 1,024 is there for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int serve(const config::Options& options) {
  StopEvents stop;
  raise_descriptor_limit();
  telemetry::LogOptions log_options;
  log_options.verbosity = options.verbosity;
  if (const auto verbosity = telemetry::verbosity_from_flags(
          options.verbosity,
          options.zap_log_level.empty() ? std::nullopt : std::optional<std::string_view>(options.zap_log_level))) {
    log_options.verbosity = *verbosity;
  }
  log_options.format =
      options.log_format == config::LogFormat::kText ? telemetry::LogFormat::kText : telemetry::LogFormat::kJson;
  telemetry::Log log_owner(log_options);
  const telemetry::Logger log = log_owner.logger();

  for (const std::string& warning : options.warnings) {
    EPP_LOG(log, kInfo, "WARNING: " + warning);
  }
  const std::vector<std::string> refused = config::validate_options(options);
  for (const std::string& error : refused) {
    EPP_LOG_ERROR(log, error, "Failed to validate flags");
  }
  if (!refused.empty()) return 1;

  Host host(options, log, [&stop](std::string_view why) { stop.request(why); });
  if (!host.start()) return 1;

  const StopEvents::Cause cause = stop.wait([&host] { host.reload("SIGHUP"); });
  const auto begun = std::chrono::steady_clock::now();
  StopEvents::exit_on_signal();
  if (cause.signal == 0) {
    EPP_LOG_ERROR(log, cause.why, "Shutting down");
  } else {
    EPP_LOG(log, kInfo, "Shutting down", {"signal", cause.signal}, {"drainTimeout", options.drain_timeout});
  }
  host.begin_drain();
  // Somebody waits at the terminal when it is SIGINT.
  if (cause.signal == SIGTERM) {
    stop.wait_for_request(options.drain_timeout - (std::chrono::steady_clock::now() - begun));
  }
  host.stop(options.drain_timeout);
  EPP_LOG(log, kInfo, "Stopped");
  return cause.signal == 0 ? 1 : 0;
}

}  // namespace epp::app
