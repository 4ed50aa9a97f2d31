// `epp run`: start, wait for a signal or until the host cannot go on, drain, stop.
#include "app/app.h"
#include "app/host.h"
#include "app/stop_events.h"
#include "config/flags.h"
#include "telemetry/log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace epp::app {

namespace {

// Every endpoint is a connection; the usual soft limit of 1,024 is there for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// glibc gives every thread heaps of its own, and what one thread frees of another's stays there: with bodies of
// megabytes that doubles the process. One heap for each polling thread is enough.
void limit_heaps(const config::Options& options) {
  const unsigned threads = options.extproc_threads > 0 ? static_cast<unsigned>(options.extproc_threads)
                                                       : std::thread::hardware_concurrency();
  ::mallopt(M_ARENA_MAX, static_cast<int>(std::max(2u, threads)));
}

// Ends the process when stopping takes longer than `limit`: a plugin call that never returns would keep it for ever.
class LastResort {
 public:
  LastResort(std::chrono::nanoseconds limit, telemetry::Log& log) : thread_([this, limit, &log] { run(limit, log); }) {}
  ~LastResort() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;

 private:
  void run(std::chrono::nanoseconds limit, telemetry::Log& log) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, limit, [this] { return stopped_; })) return;
    EPP_LOG_ERROR(log.logger(), "something does not return, such as a plugin call", "Ending without having stopped");
    log.flush();
    ::_exit(1);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread thread_;
};

// What stopping may take beyond the time that streams have to end.
constexpr std::chrono::seconds kStopMargin{5};

}  // namespace

int serve(const config::Options& options) {
  StopEvents stop;
  raise_descriptor_limit();
  limit_heaps(options);
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
  // Somebody waits at the terminal when it is SIGINT.
  const bool announced = cause.signal == SIGTERM;
  const LastResort last_resort(options.drain_timeout * (announced ? 2 : 1) + kStopMargin, log_owner);
  host.begin_drain();
  if (announced) {
    stop.wait_for_request(options.drain_timeout - (std::chrono::steady_clock::now() - begun));
  }
  host.stop(options.drain_timeout);
  EPP_LOG(log, kInfo, "Stopped");
  return cause.signal == 0 ? 1 : 0;
}

}  // namespace epp::app
