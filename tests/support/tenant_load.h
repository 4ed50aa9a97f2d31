#pragma once

#include "support/http_client.h"
#include "support/wait.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace epp::testing {

// Who asks, how much, and for what. Every client asks again as soon as it has its answer, so `clients` is what the
// tenant offers.
struct TenantLoad {
  std::string tenant;          // fairness id
  std::string objective = {};  // none if empty
  std::string model = "demo";
  unsigned clients = 1;
  unsigned output_tokens = 20;                // of every answer, exactly
  std::chrono::milliseconds pause{0};         // of a client between answer and next question
  std::chrono::milliseconds patience{60000};  // for an answer
};

// Sums over the answers that came in some span of time.
struct TenantTally {
  std::uint64_t answers = 0;
  std::uint64_t tokens = 0;                          // of prompts and answers
  std::chrono::nanoseconds waited{0};                // sum, from the question to the end of the answer
  std::vector<std::chrono::milliseconds> latencies;  // of each answer, in order of arrival

  std::chrono::milliseconds quantile(double q) const;  // of the latencies; 0 if there are none
};

// Clients with completion requests through an Envoy, until told to stop.
class TenantTraffic {
 public:
  using Key = std::pair<std::string, std::string>;  // tenant, objective

  TenantTraffic(std::uint16_t port, const std::vector<TenantLoad>& loads);
  ~TenantTraffic();

  // What came since the last call.
  std::map<Key, TenantTally> take();

  // No further questions; waits for the answers under way.
  void stop();

  // How many answers were not a complete 200, ever, and the first few of them.
  std::uint64_t lost() const { return lost_; }
  std::string examples_of_lost() const;

 private:
  void run(const TenantLoad& load, unsigned client);
  void lose(const std::string& what);

  const std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> lost_{0};
  mutable std::mutex mutex_;
  std::map<Key, TenantTally> tallies_;
  std::string examples_;
  std::vector<std::thread> clients_;
};

}  // namespace epp::testing
