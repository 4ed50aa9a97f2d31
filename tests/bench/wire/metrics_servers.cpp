#include "bench/wire/metrics_servers.h"

#include "bench/scrape/vllm_page.h"

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::bench {
namespace {

constexpr unsigned kPages = 8;
constexpr int kPortAttempts = 20;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string page_text(Page page, unsigned variant) {
  std::string text = vllm_page(page == Page::kSmall ? 0 : page == Page::kVllm ? 10 : 14);
  const std::size_t line = text.find("\nvllm:num_requests_waiting{");
  const std::size_t value = text.find("} ", line) + 2;
  text.replace(value, text.find('\n', value) - value, std::to_string(variant) + ".0");
  return text;
}

std::string http_answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

struct MetricsServers::Connection {
  int fd;
  std::size_t page;  // of the next answer
  std::string request = {};
  std::size_t left = 0;  // of the answer under way
  bool blocked = false;  // waits to go on writing
};

std::string MetricsServers::address(unsigned index) {
  return "127.0." + std::to_string(index / 250) + "." + std::to_string(index % 250 + 1);
}

MetricsServers::MetricsServers(unsigned count, Page page) {
  for (unsigned i = 0; i < kPages; ++i)
    answers_.push_back(http_answer(page_text(page, i)));
  page_bytes_ = page_text(page, 0).size();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || stop_ < 0) fail("epoll");
  // A port that the kernel gives for the first address may be taken on another one.
  for (int attempt = 0; !listen_everywhere(count); ++attempt) {
    if (attempt == kPortAttempts) fail("listen");
  }
  thread_ = std::thread([this] { serve(); });
}

MetricsServers::~MetricsServers() {
  eventfd_write(stop_, 1);
  thread_.join();
  for (int fd : listeners_)
    close(fd);
  close(epoll_);
  close(stop_);
}

bool MetricsServers::listen_everywhere(unsigned count) {
  port_ = 0;
  for (unsigned i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) fail("socket");
    listeners_.push_back(fd);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port_);
    inet_pton(AF_INET, address(i).c_str(), &where.sin_addr);
    socklen_t size = sizeof where;
    if (bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0) {
      for (int open : listeners_)
        close(open);
      listeners_.clear();
      return false;
    }
    port_ = ntohs(where.sin_port);
  }
  return true;
}

void MetricsServers::serve() {
  std::unordered_map<int, unsigned> endpoint_of;
  const auto watch = [this](int fd, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  };
  for (unsigned i = 0; i < listeners_.size(); ++i) {
    endpoint_of[listeners_[i]] = i;
    watch(listeners_[i], EPOLLIN, EPOLL_CTL_ADD);
  }
  watch(stop_, EPOLLIN, EPOLL_CTL_ADD);

  std::unordered_map<int, Connection> connections;
  std::array<epoll_event, 64> events;
  for (;;) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == stop_) {
        for (const auto& [open, connection] : connections)
          close(open);
        return;
      }
      if (const auto listener = endpoint_of.find(fd); listener != endpoint_of.end()) {
        const int accepted = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted < 0) continue;
        const int on = 1;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections.insert_or_assign(accepted, Connection{accepted, listener->second % kPages});
        watch(accepted, EPOLLIN, EPOLL_CTL_ADD);
        continue;
      }
      Connection& connection = connections.at(fd);
      if (answer(connection)) {
        const bool blocked = connection.left != 0;
        if (std::exchange(connection.blocked, blocked) != blocked)
          watch(fd, blocked ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
      } else {
        close(fd);
        connections.erase(fd);
      }
    }
  }
}

// Reads a request's headers, or sends on; false when the connection is over.
bool MetricsServers::answer(Connection& connection) {
  if (connection.left == 0) {
    std::array<char, 4096> buffer;
    const ssize_t got = read(connection.fd, buffer.data(), buffer.size());
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    connection.request.append(buffer.data(), static_cast<std::size_t>(got));
    if (!connection.request.ends_with("\r\n\r\n")) return connection.request.size() < 65536;
    connection.request.clear();
    connection.page = (connection.page + 1) % kPages;
    connection.left = answers_[connection.page].size();
  }
  const std::string_view answer = answers_[connection.page];
  const std::string_view rest = answer.substr(answer.size() - connection.left);
  const ssize_t sent = send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  connection.left -= static_cast<std::size_t>(sent);
  if (connection.left == 0) served_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace epp::bench
