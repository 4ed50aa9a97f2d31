// `epp run`: start, wait for a signal, drain, stop.
#include "app/app.h"
#include "app/host.h"
#include "config/flags.h"
#include "telemetry/log.h"

#include <csignal>
#include <ctime>
#include <optional>

namespace epp::app {
namespace {

// Signals are taken by the main thread alone; blocked before any other thread starts, so that all inherit it.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  int wait() const {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    return number;
  }
  // The next signal, or nullopt after `limit`.
  std::optional<int> wait_for(std::chrono::nanoseconds limit) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    const timespec until{.tv_sec = seconds.count(), .tv_nsec = (limit - seconds).count()};
    const int number = sigtimedwait(&set_, nullptr, &until);
    return number > 0 ? std::optional(number) : std::nullopt;
  }
  // From here on a signal ends the process.
  void release() const { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

}  // namespace

int serve(const config::Options& options) {
  const Signals signals;
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

  Host host(options, log);
  if (!host.start()) return 1;

  const int signal = signals.wait();
  host.begin_drain();
  EPP_LOG(log, kInfo, "Shutting down", {"signal", signal}, {"drainTimeout", options.drain_timeout});
  if (signal == SIGTERM) signals.wait_for(options.drain_timeout);  // another signal cuts the window short
  signals.release();
  host.stop(options.drain_timeout);
  EPP_LOG(log, kInfo, "Stopped");
  return 0;
}

}  // namespace epp::app
