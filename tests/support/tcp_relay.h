#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

namespace epp::testing {

// Stands between a client and a server on 127.0.0.1 and plays a network that can fail. Thread-safe.
class TcpRelay {
 public:
  explicit TcpRelay(std::uint16_t server_port);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  // Where the client connects to.
  std::uint16_t port() const { return port_; }

  // From here on nothing passes and nothing ends: what is connected is half-open, what connects gets no answer.
  void freeze();
  // New connections pass again; those of before the freeze, or during it, stay dead and silent for good.
  void thaw();
  // Ends every connection, both ways.
  void cut();

  // Connections that were accepted, ever.
  std::size_t accepted() const { return accepted_; }

 private:
  struct Link {
    int client = -1;
    int server = -1;
    bool dead = false;  // frozen for good
  };

  void run();
  void accept();
  static bool pass(int from, int to);
  static void close(Link& link);

  const std::uint16_t server_port_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::list<Link> links_;
  std::atomic<bool> frozen_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> accepted_{0};
  std::thread thread_;
};

}  // namespace epp::testing
