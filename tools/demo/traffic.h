#pragma once

#include "conversation.h"
#include "support/wait.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace epp::demo {

// Sums over the answers of one endpoint.
struct Tally {
  std::uint64_t requests = 0;
  std::uint64_t prefix_hit_tokens = 0;
  std::uint64_t prompt_tokens = 0;
  testing::Clock::time_point last_asked = {};  // When the latest of these requests began.
};

// Clients that hold conversations, each on a thread of its own, until told to stop.
class Traffic {
 public:
  // With an objective, every second client's requests name it.
  Traffic(std::uint16_t port, int clients, std::string objective = {});
  ~Traffic();  // stop()

  // Every request that began before `time` has ended.
  bool settled(testing::Clock::time_point time) const;

  // No further requests; waits for those under way.
  void stop();

  std::map<std::string, Tally> by_endpoint() const;
  std::uint64_t requests() const;  // that were answered by an endpoint
  std::uint64_t wrong_answers() const;
  std::string last_error() const;

 private:
  void run(std::size_t client);
  void ask(std::size_t client, Conversation& conversation, bool stream);

  const std::uint16_t port_;
  const std::string objective_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::optional<testing::Clock::time_point>> under_way_;  // By client: since when.
  std::map<std::string, Tally> by_endpoint_;
  std::uint64_t wrong_ = 0;
  std::string last_error_;
  std::vector<std::thread> threads_;
};

// The tenants of the demo.
std::string tenant(int number);

}  // namespace epp::demo
