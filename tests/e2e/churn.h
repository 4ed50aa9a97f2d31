#pragma once

#include "support/epp_server.h"
#include "support/wait.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace epp::testing {

// One request of the traffic below.
struct ChurnRequest {
  std::string id;
  Clock::time_point start;
  Clock::time_point end;
  int status = 0;  // 0: no complete answer.
  std::string error;
};

// Sends chat requests through Envoy at a steady pace, whatever becomes of those before, each with a prompt of its own.
class ChurnTraffic {
 public:
  explicit ChurnTraffic(std::uint16_t port);
  ~ChurnTraffic();

  // Ends the traffic; afterwards the list is complete.
  const std::vector<ChurnRequest>& stop();

 private:
  void pace();
  void send(int number);

  const std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<ChurnRequest> requests_;
  std::vector<std::thread> senders_;
  std::thread pacer_;
};

// Follows /debug/decisions, which forgets, and so knows for every request where it was sent.
class DecisionFollower {
 public:
  explicit DecisionFollower(EppServer& epp);
  ~DecisionFollower();

  // Where the request was sent; empty if unknown.
  std::string target(const std::string& request_id);

  // How many decisions there were, and how many of them chose `address`.
  std::size_t decisions();
  std::size_t picks_of(const std::string& address);

 private:
  void run();

  EppServer& epp_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<std::string, std::string> targets_;
  std::map<std::string, std::size_t> picks_;
  std::thread thread_;
};

}  // namespace epp::testing
