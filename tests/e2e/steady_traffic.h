#pragma once

#include "support/wait.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace epp::testing {

// One request of the traffic below.
struct SteadyAnswer {
  std::string id;  // its x-request-id
  Clock::time_point start;
  Clock::time_point end;
  int status = 0;        // 0: no complete answer
  std::string endpoint;  // "ip:port" that says to have served it; empty: nobody
  std::string error;     // of a status other than 200
};

// Clients that send a short completion through Envoy, each the next one `pause` after its answer, for as long as it
// takes: what becomes of each request goes to `judge` at once, nothing is kept.
class SteadyTraffic {
 public:
  using Judge = std::function<void(const SteadyAnswer&)>;  // calls are serialised

  SteadyTraffic(std::uint16_t port, unsigned clients, std::chrono::milliseconds pause, Judge judge);
  ~SteadyTraffic();  // stop()

  // No further requests; waits for the answers under way.
  void stop();
  std::size_t answers() const { return answers_; }

 private:
  void run(unsigned client);

  const std::uint16_t port_;
  const std::chrono::milliseconds pause_;
  const Judge judge_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> answers_{0};
  std::mutex mutex_;
  std::vector<std::thread> clients_;
};

}  // namespace epp::testing
