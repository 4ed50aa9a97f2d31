#pragma once

#include "conversation.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace epp::demo {

// Sums over the answers of one endpoint.
struct Tally {
  std::uint64_t requests = 0;
  std::uint64_t prefix_hit_tokens = 0;
  std::uint64_t prompt_tokens = 0;
};

// Clients that hold conversations, each on a thread of its own, until told to stop.
class Traffic {
 public:
  Traffic(std::uint16_t port, int clients);
  ~Traffic();  // Waits for the requests under way.

  std::map<std::string, Tally> by_endpoint() const;
  std::uint64_t wrong_answers() const;
  std::string last_error() const;

 private:
  void run(int client);
  void count(const Outcome& outcome);

  const std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::map<std::string, Tally> by_endpoint_;
  std::uint64_t wrong_ = 0;
  std::string last_error_;
  std::vector<std::thread> threads_;
};

// The tenants of the demo.
std::string tenant(int number);

}  // namespace epp::demo
