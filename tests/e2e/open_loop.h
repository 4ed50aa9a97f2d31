#pragma once

#include "support/wait.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace epp::testing {

// What became of the requests of a span of time.
struct OpenLoopTally {
  std::size_t sent = 0;
  std::size_t good = 0;                           // complete answers with status 200
  std::size_t failed = 0;                         // others
  std::vector<std::string> failures;              // the first few of them
  std::size_t skipped = 0;                        // not sent: too many were under way, the machine cannot keep up
  std::vector<std::chrono::microseconds> delays;  // of good ones: from when it was due to the end of the answer

  std::chrono::microseconds quantile(double q) const;  // of the delays; 0 if there are none
};

// Sends short completions through an Envoy at a fixed rate, whatever becomes of those before, over kept connections;
// one thread does it all. A request that is sent late counts from when it was due.
class OpenLoop {
 public:
  OpenLoop(std::uint16_t port, double per_second);
  ~OpenLoop();  // stop()
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  // Everything that was answered since the last call, after so much time.
  OpenLoopTally over(std::chrono::milliseconds span);
  // No further requests; waits for the answers under way and returns what came since the last call.
  OpenLoopTally stop();

 private:
  struct Connection;
  class Client;

  const std::uint16_t port_;
  const std::chrono::nanoseconds interval_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  OpenLoopTally tally_;
  std::thread thread_;
};

}  // namespace epp::testing
