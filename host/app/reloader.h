// Reloads: who asked, what became of it. Requests for one come from a file watch, a signal or an operator; those that
// come while another has not begun yet are one reload with it.
#pragma once

#include "app/plugin_thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::app {

struct ReloadOutcome {
  enum class Result : std::uint8_t {
    kApplied,    // another generation serves
    kUnchanged,  // nothing had changed
    kRefused,    // something is wrong: see `errors`; nothing has changed
    kStopping,   // not tried: the process ends
  };
  Result result = Result::kRefused;
  std::uint64_t generation = 0;     // that serves now
  std::vector<std::string> errors;  // a sentence each
};

class Reloader {
 public:
  using Attempt = std::function<ReloadOutcome()>;
  using Done = std::function<void(const ReloadOutcome&)>;

  // The last attempt that was refused; empty once another one was not.
  struct Failure {
    std::chrono::system_clock::time_point when;
    std::vector<std::string> errors;
  };

  // `attempt` runs on the thread, which outlives this, as does `registry`. It must not throw.
  Reloader(PluginThread& thread, telemetry::Registry& registry, telemetry::Logger log, Attempt attempt);
  ~Reloader();  // stop()
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Asks for a reload that begins after this call. `done` is told, on the plugin thread, or at once after stop().
  // [any thread]
  void request(std::string_view why, Done done = {});
  // Refuses further requests and those that have not begun, and waits for one that has. Idempotent. [any thread but the
  // plugin thread]
  void stop();

  std::optional<Failure> last_failure() const;  // [any thread]

 private:
  struct Request {
    std::string why;
    Done done;
  };

  void run();
  void record(const ReloadOutcome& outcome, const std::vector<Request>& requests);

  PluginThread& thread_;
  const telemetry::Logger log_;
  const Attempt attempt_;
  telemetry::CounterFamily* reloads_;
  telemetry::Gauge succeeded_;
  telemetry::Gauge success_time_;

  mutable std::mutex mutex_;  // guards the rest
  std::vector<Request> waiting_;
  bool scheduled_ = false;
  bool stopping_ = false;
  std::optional<Failure> failure_;
};

}  // namespace epp::app
