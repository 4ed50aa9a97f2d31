// A blocking loopback socket for speaking bad HTTP, and a listener whose behaviour a test writes itself.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::testing {

class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) {
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawSocket() { ::close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  static int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(fd);
      return -1;
    }
    return fd;
  }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Nothing more comes from here; the other direction stays open.
  void finish() { ::shutdown(fd_, SHUT_WR); }
  // From now on the kernel drops what arrives, unacknowledged: a peer whose host is gone.
  bool go_deaf() {
    sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{1, &drop_all};
    return ::setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  }
  // What comes next; empty when the peer has closed.
  std::string read_some() {
    char piece[4096];
    const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
    return got > 0 ? std::string(piece, static_cast<std::size_t>(got)) : std::string();
  }
  // What comes until `mark` is seen or the peer closes.
  std::string read_until(std::string_view mark) {
    std::string text;
    char piece[4096];
    while (mark.empty() || text.find(mark) == std::string::npos) {
      const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
      if (got <= 0) break;
      text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string read_to_end() { return read_until({}); }

 private:
  int fd_;
};

// Accepts connections one after the other and gives each to `serve`, on a thread of its own.
class RawServer {
 public:
  explicit RawServer(std::function<void(RawSocket&)> serve) : serve_(std::move(serve)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::listen(fd_, 16);
    thread_ = std::thread([this] {
      for (;;) {
        const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return;
        RawSocket socket(client);
        {
          std::lock_guard lock(mutex_);
          client_ = client;
        }
        serve_(socket);
        std::lock_guard lock(mutex_);
        client_ = -1;
      }
    });
  }
  ~RawServer() {
    ::shutdown(fd_, SHUT_RDWR);
    {
      std::lock_guard lock(mutex_);
      if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
    }
    thread_.join();
    ::close(fd_);
  }
  std::uint16_t port() const { return port_; }

 private:
  std::function<void(RawSocket&)> serve_;
  std::mutex mutex_;
  int client_ = -1;
  int fd_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace epp::testing
