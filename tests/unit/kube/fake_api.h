// An HTTP server that answers what a test says, also badly. A streamed answer stays open and sends what the test gives
// to it, on the newest connection that streams; an older one is then closed.
#pragma once

#include "unit/net/events.h"
#include "unit/net/raw_socket.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace epp::testing {

class FakeApi {
 public:
  struct Request {
    std::string head;
    std::string body;

    std::string method() const { return head.substr(0, head.find(' ')); }
    std::string target() const {
      const auto begin = head.find(' ') + 1;
      return head.substr(begin, head.find(' ', begin) - begin);
    }
    bool watches() const { return target().find("watch=1") != std::string::npos; }
    // Of a query; empty when absent.
    std::string parameter(const std::string& name) const {
      const std::string text = target();
      for (const char mark : {'?', '&'}) {
        const auto found = text.find(mark + name + "=");
        if (found == std::string::npos) continue;
        const auto begin = found + name.size() + 2;
        return text.substr(begin, std::min(text.find('&', begin), text.size()) - begin);
      }
      return {};
    }
    // Empty when absent.
    std::string header(const std::string& name) const {
      const auto found = head.find("\r\n" + name + ": ");
      if (found == std::string::npos) return {};
      const auto begin = found + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };

  struct Reply {
    unsigned status = 200;
    std::string body{};
    std::string headers{};    // whole lines
    bool stream = false;      // body is its first piece
    std::size_t missing = 0;  // bytes that are promised and not sent
    bool silent = false;      // no answer at all; the connection stays open
  };
  using Answer = std::function<Reply(const Request&)>;

  // `answer` runs on the connections' threads, one at a time.
  explicit FakeApi(Answer answer) : answer_(std::move(answer)), listener_(std::make_unique<Listener>()) {
    accepting_ = std::thread([this] { accept(); });
  }
  ~FakeApi() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
      ::shutdown(listener_->fd, SHUT_RDWR);
      for (const int fd : open_)
        ::shutdown(fd, SHUT_RDWR);
    }
    said_.notify_all();
    accepting_.join();
    for (std::thread& thread : threads_)
      thread.join();
  }
  FakeApi(const FakeApi&) = delete;
  FakeApi& operator=(const FakeApi&) = delete;

  std::uint16_t port() const { return listener_->port; }

  // To the open stream, or to the next one.
  void say(std::string text) { push(std::move(text)); }
  // Ends it well.
  void end() { push(""); }
  // Closes its connection in the middle.
  void cut() { push(std::nullopt); }

  Events<Request> requests;

 private:
  // To be sent; empty: the end; nothing: a cut.
  using Said = std::optional<std::string>;

  struct Listener {
    Listener() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof address;
      ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
      port = ntohs(address.sin_port);
      ::listen(fd, 64);
    }
    ~Listener() { ::close(fd); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    int fd;
    std::uint16_t port = 0;
  };

  void accept() {
    for (;;) {
      const int fd = ::accept4(listener_->fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      std::lock_guard lock(mutex_);
      if (closing_) {
        ::close(fd);
        return;
      }
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    RawSocket socket(fd);
    std::string pending;
    while (one_exchange(socket, pending)) {
    }
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
  }

  bool one_exchange(RawSocket& socket, std::string& pending) {
    std::string text = std::move(pending);
    if (text.find("\r\n\r\n") == std::string::npos) text += socket.read_until("\r\n\r\n");
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    Request request{text.substr(0, end + 2), text.substr(end + 4)};
    const std::string length = request.header("Content-Length");
    const std::size_t size = length.empty() ? 0 : std::stoul(length);
    while (request.body.size() < size) {
      const std::string more = socket.read_some();
      if (more.empty()) return false;
      request.body += more;
    }
    pending = request.body.substr(size);
    request.body.resize(size);
    Reply reply;
    {
      std::lock_guard lock(answer_mutex_);
      reply = answer_(request);
    }
    requests.push(std::move(request));
    return send(socket, reply);
  }

  bool send(RawSocket& socket, const Reply& reply) {
    if (reply.silent) {
      socket.read_to_end();
      return false;
    }
    const std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Text\r\n" + reply.headers;
    if (!reply.stream) {
      const std::string length = std::to_string(reply.body.size() + reply.missing);
      return socket.send(head + "Content-Length: " + length + "\r\n\r\n" + reply.body) && reply.missing == 0;
    }
    socket.send(head + "Transfer-Encoding: chunked\r\n\r\n");
    if (!reply.body.empty()) send_chunk(socket, reply.body);
    std::unique_lock lock(mutex_);
    const unsigned mine = ++streams_;
    said_.notify_all();
    for (;;) {
      said_.wait(lock, [&] { return closing_ || mine != streams_ || !to_say_.empty(); });
      if (closing_ || mine != streams_) return false;
      const Said said = std::move(to_say_.front());
      to_say_.pop_front();
      if (!said) return false;
      if (said->empty()) return socket.send("0\r\n\r\n");
      send_chunk(socket, *said);
    }
  }

  void push(Said said) {
    std::lock_guard lock(mutex_);
    to_say_.push_back(std::move(said));
    said_.notify_all();
  }

  static void send_chunk(RawSocket& socket, const std::string& text) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    socket.send(size + text + "\r\n");
  }

  Answer answer_;
  std::mutex answer_mutex_;
  std::unique_ptr<Listener> listener_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable said_;
  std::deque<Said> to_say_;
  unsigned streams_ = 0;
  bool closing_ = false;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace epp::testing
