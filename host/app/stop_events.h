// Why a serving process ends: a signal, or a wish of its own. And SIGHUP, at which it does not.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace epp::app {

class StopEvents {
 public:
  struct Cause {
    int signal = 0;   // SIGTERM or SIGINT; 0: requested
    std::string why;  // of a request
  };

  // Takes SIGTERM, SIGINT and SIGHUP for this process. Before any other thread starts, so that all inherit the mask.
  // Throws std::system_error.
  StopEvents();
  ~StopEvents();
  StopEvents(const StopEvents&) = delete;
  StopEvents& operator=(const StopEvents&) = delete;

  // The first request counts. [any thread]
  void request(std::string_view why);

  // Meanwhile calls `on_hangup` for each SIGHUP, here.
  Cause wait(const std::function<void()>& on_hangup = {});
  // For a request only; nullopt after `limit`.
  std::optional<Cause> wait_for_request(std::chrono::nanoseconds limit);
  // From here on SIGTERM and SIGINT end the process at once, with status 1; SIGHUP does nothing.
  static void exit_on_signal();

 private:
  Cause requested();

  int signals_ = -1;
  int requests_ = -1;
  std::mutex mutex_;
  std::optional<std::string> why_;
};

}  // namespace epp::app
