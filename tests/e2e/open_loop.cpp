#include "open_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::testing {
namespace {

constexpr std::size_t kMostConnections = 512;
constexpr std::size_t kExamples = 5;
constexpr std::chrono::seconds kLastAnswers{20};

std::string request_text(std::size_t number) {
  const std::string id = "open-" + std::to_string(number);
  const std::string body = R"({"model":"demo","prompt":")" + id + R"(","max_tokens":1})";
  return "POST /v1/completions HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\nx-request-id: " + id +
         "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// The status of a complete answer at the front of `bytes`, which is all there is; nothing while it is not complete.
std::optional<int> complete_status(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view head = bytes.substr(0, end);
  const std::string_view body = bytes.substr(end + 4);
  constexpr std::string_view kLength = "content-length: ";
  if (const std::size_t at = head.find(kLength); at != std::string_view::npos) {
    std::size_t length = 0;
    const char* const digits = head.data() + at + kLength.size();
    std::from_chars(digits, head.data() + head.size(), length);
    if (body.size() < length) return std::nullopt;
  } else if (!body.ends_with("0\r\n\r\n")) {
    return std::nullopt;
  }
  int status = 0;
  constexpr std::size_t kVersion = sizeof "HTTP/1.1 " - 1;
  std::from_chars(head.data() + kVersion, head.data() + head.size(), status);
  return status;
}

}  // namespace

std::chrono::microseconds OpenLoopTally::quantile(double q) const {
  if (delays.empty()) return std::chrono::microseconds(0);
  std::vector<std::chrono::microseconds> sorted(delays);
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(at), sorted.end());
  return sorted[at];
}

struct OpenLoop::Connection {
  ~Connection() {
    if (fd >= 0) ::close(fd);
  }
  int fd = -1;
  bool busy = false;
  Clock::time_point due;
  std::string answer;
};

// Belongs to the thread.
class OpenLoop::Client {
 public:
  explicit Client(OpenLoop& loop) : loop_(loop), epoll_(::epoll_create1(EPOLL_CLOEXEC)), next_due_(Clock::now()) {}
  ~Client() {
    connections_.clear();
    ::close(epoll_);
  }

  void run() {
    while (!loop_.stopping_) {
      send_due();
      wait(next_due_);
    }
    const auto end = Clock::now() + kLastAnswers;
    while (under_way_ != 0 && Clock::now() < end)
      wait(end);
    for (const auto& connection : connections_) {
      if (connection->busy) fail("no answer");
    }
  }

 private:
  void send_due() {
    for (; next_due_ <= Clock::now(); next_due_ += loop_.interval_) {
      Connection* const connection = idle_connection();
      {
        const std::lock_guard lock(loop_.mutex_);
        ++(connection != nullptr ? loop_.tally_.sent : loop_.tally_.skipped);
      }
      if (connection == nullptr) continue;
      const std::string text = request_text(number_++);
      connection->busy = true;
      connection->due = next_due_;
      connection->answer.clear();
      ++under_way_;
      // A short request always fits into the socket's buffer.
      if (::send(connection->fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
        drop(*connection, "cannot send: " + std::string(std::strerror(errno)));
    }
  }

  Connection* idle_connection() {
    if (!idle_.empty()) {
      Connection* const connection = idle_.back();
      idle_.pop_back();
      return connection;
    }
    if (connections_.size() == kMostConnections) return nullptr;
    auto fresh = std::make_unique<Connection>();
    fresh->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(loop_.port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fresh->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return nullptr;
    const int on = 1;
    ::setsockopt(fresh->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = fresh.get()}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fresh->fd, &event);
    connections_.push_back(std::move(fresh));
    return connections_.back().get();
  }

  void wait(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    std::array<epoll_event, 64> events{};
    const int count =
        ::epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(std::clamp<long>(left, 0, 100)));
    for (int i = 0; i < count; ++i)
      read(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }

  void read(Connection& connection) {
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return drop(connection, "the connection ended");
    connection.answer.append(buffer.data(), static_cast<std::size_t>(got));
    const std::optional<int> status = complete_status(connection.answer);
    if (!status || !connection.busy) return;
    connection.busy = false;
    --under_way_;
    idle_.push_back(&connection);
    if (*status != 200) return fail(connection.answer.substr(0, 300));
    const std::lock_guard lock(loop_.mutex_);
    ++loop_.tally_.good;
    loop_.tally_.delays.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - connection.due));
  }

  // An idle connection may end; a busy one owes an answer.
  void drop(Connection& connection, const std::string& why) {
    if (connection.busy) {
      --under_way_;
      fail(why);
    }
    std::erase(idle_, &connection);
    std::erase_if(connections_, [&](const auto& known) { return known.get() == &connection; });
  }

  void fail(const std::string& why) {
    const std::lock_guard lock(loop_.mutex_);
    ++loop_.tally_.failed;
    if (loop_.tally_.failures.size() < kExamples) loop_.tally_.failures.push_back(why);
  }

  OpenLoop& loop_;
  const int epoll_;
  Clock::time_point next_due_;
  std::size_t number_ = 0;
  std::size_t under_way_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
};

OpenLoop::OpenLoop(std::uint16_t port, double per_second)
    : port_(port), interval_(static_cast<std::int64_t>(1e9 / per_second)), thread_([this] { Client(*this).run(); }) {}

OpenLoop::~OpenLoop() {
  stop();
}

OpenLoopTally OpenLoop::over(std::chrono::milliseconds span) {
  std::this_thread::sleep_for(span);
  const std::lock_guard lock(mutex_);
  return std::exchange(tally_, {});
}

OpenLoopTally OpenLoop::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return std::exchange(tally_, {});
}

}  // namespace epp::testing
