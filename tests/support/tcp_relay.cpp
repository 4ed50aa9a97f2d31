#include "support/tcp_relay.h"

#include <array>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

TcpRelay::TcpRelay(std::uint16_t server_port) : server_port_(server_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 || ::pipe2(wake_, O_CLOEXEC) != 0) {
    throw std::runtime_error("cannot listen for a relay");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

TcpRelay::~TcpRelay() {
  stopping_ = true;
  ::close(wake_[1]);  // the reader sees the end
  thread_.join();
  for (Link& link : links_)
    close(link);
  ::close(listener_);
  ::close(wake_[0]);
}

void TcpRelay::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_ = true;
  for (Link& link : links_)
    link.dead = true;
}

void TcpRelay::thaw() {
  frozen_ = false;
}

void TcpRelay::cut() {
  const std::lock_guard lock(mutex_);
  for (Link& link : links_) {
    // The thread finds them ended and closes them.
    link.dead = false;
    if (link.client >= 0) ::shutdown(link.client, SHUT_RDWR);
    if (link.server >= 0) ::shutdown(link.server, SHUT_RDWR);
  }
  [[maybe_unused]] const auto written = ::write(wake_[1], "x", 1);
}

void TcpRelay::close(Link& link) {
  if (link.client >= 0) ::close(link.client);
  if (link.server >= 0) ::close(link.server);
  link = {};
}

void TcpRelay::accept() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  ++accepted_;
  const std::lock_guard lock(mutex_);
  if (frozen_) {
    links_.push_back({.client = client, .dead = true});
    return;
  }
  const int server = connect_to(server_port_);
  if (server < 0) {
    ::close(client);  // the server is down
    return;
  }
  constexpr int kOn = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
  ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
  links_.push_back({.client = client, .server = server});
}

// Moves what is there; false at the end of either side.
bool TcpRelay::pass(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got <= 0) return false;
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t n = ::send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += n;
  }
  return true;
}

void TcpRelay::run() {
  std::vector<pollfd> polled;
  std::vector<std::list<Link>::iterator> owners;
  while (!stopping_) {
    polled.assign(
        {{.fd = listener_, .events = POLLIN, .revents = 0}, {.fd = wake_[0], .events = POLLIN, .revents = 0}});
    owners.clear();
    {
      const std::lock_guard lock(mutex_);
      for (auto link = links_.begin(); link != links_.end(); ++link) {
        if (link->dead) continue;
        polled.push_back({.fd = link->client, .events = POLLIN, .revents = 0});
        polled.push_back({.fd = link->server, .events = POLLIN, .revents = 0});
        owners.push_back(link);
      }
    }
    ::poll(polled.data(), polled.size(), 200);
    if ((polled[1].revents & POLLIN) != 0) {
      char byte = 0;
      [[maybe_unused]] const auto read = ::read(wake_[0], &byte, 1);
    }
    for (std::size_t i = 0; i < owners.size(); ++i) {
      const bool from_client = polled[2 + 2 * i].revents != 0;
      const bool from_server = polled[3 + 2 * i].revents != 0;
      if (!from_client && !from_server) continue;
      const std::lock_guard lock(mutex_);
      Link& link = *owners[i];
      if (link.dead) continue;  // frozen since
      const bool open =
          (!from_client || pass(link.client, link.server)) && (!from_server || pass(link.server, link.client));
      if (open) continue;
      close(link);
      links_.erase(owners[i]);
    }
    if (polled[0].revents != 0) accept();
  }
}

}  // namespace epp::testing
