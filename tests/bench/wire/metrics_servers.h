// The model servers' side of a measurement: their metrics pages, and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace epp::bench {

/// One thread answers every GET to 127.0.x.y:port, one address per endpoint, with a page as large as vLLM's. The pages
/// differ in their queue, so that scorers have something to tell apart.
class MetricsServers {
 public:
  /// Throws std::system_error.
  explicit MetricsServers(unsigned count);
  ~MetricsServers();
  MetricsServers(const MetricsServers&) = delete;
  MetricsServers& operator=(const MetricsServers&) = delete;

  static std::string address(unsigned index);
  std::uint16_t port() const { return port_; }

 private:
  struct Connection;

  bool listen_everywhere(unsigned count);
  void serve();
  bool answer(Connection& connection);

  std::uint16_t port_ = 0;
  std::vector<int> listeners_;
  std::vector<std::string> answers_;
  int epoll_ = -1;
  int stop_ = -1;
  std::thread thread_;
};

}  // namespace epp::bench
