// The model servers' side of a measurement: their metrics pages, and nothing else.
#pragma once

#include "bench/wire/workload.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace epp::bench {

/// One thread answers every GET to 127.0.x.y:port, one address per endpoint, with a metrics page. The pages of
/// different endpoints differ in their queue, so that scorers have something to tell apart, and each answer of one
/// connection differs from the last one, so that nobody may skip reading it.
class MetricsServers {
 public:
  /// Throws std::system_error.
  MetricsServers(unsigned count, Page page);
  ~MetricsServers();
  MetricsServers(const MetricsServers&) = delete;
  MetricsServers& operator=(const MetricsServers&) = delete;

  static std::string address(unsigned index);
  std::uint16_t port() const { return port_; }
  std::size_t page_bytes() const { return page_bytes_; }
  /// Pages sent so far. [any thread]
  std::uint64_t served() const { return served_.load(std::memory_order_relaxed); }

 private:
  struct Connection;

  bool listen_everywhere(unsigned count);
  void serve();
  bool answer(Connection& connection);

  std::uint16_t port_ = 0;
  std::size_t page_bytes_ = 0;
  std::vector<int> listeners_;
  std::vector<std::string> answers_;
  std::atomic<std::uint64_t> served_{0};
  int epoll_ = -1;
  int stop_ = -1;
  std::thread thread_;
};

}  // namespace epp::bench
