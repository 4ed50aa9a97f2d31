#include "net/http_poll.h"

#include "net/http_connection.h"
#include "net/http_reading.h"

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

ErrorCode system_error(int number) {
  return {number, boost::system::system_category()};
}

std::optional<asio::ip::tcp::endpoint> address_of(const Origin& origin) {
  ErrorCode error;
  const auto address = asio::ip::make_address(origin.host, error);
  if (error) return std::nullopt;
  return asio::ip::tcp::endpoint(address, static_cast<unsigned short>(std::strtoul(origin.port.c_str(), nullptr, 10)));
}

}  // namespace

class HttpPoll::Impl {
 public:
  Impl(const Origin& origin, const HttpRequest& request, std::size_t max_body_bytes, std::string_view user_agent)
      : name_(join_host_port(origin.host, origin.port)),
        address_(address_of(origin).value_or(asio::ip::tcp::endpoint())),
        wire_(serialise(request, name_, user_agent)),
        max_body_bytes_(max_body_bytes) {}
  ~Impl() { close(); }

  void send(TimePoint deadline, std::string body_buffer) {
    deadline_ = deadline;
    pending_ = true;
    reused_ = socket_ >= 0;
    begin(std::move(body_buffer));
  }

  bool look(TimePoint now, HttpResult& result) {
    if (!failure_) advance();
    if (failure_ && reused_ && !received_) {
      // The server had closed the connection before it was asked.
      reused_ = false;
      begin(std::move(parser_->get().body()));
      if (!failure_) advance();
    }
    if (!failure_ && !parser_->is_done()) {
      if (now < deadline_) return false;
      fail(beast::error::timeout, NetError::kTimeout);
    }
    deliver(result);
    return true;
  }

  bool pending() const { return pending_; }
  bool partial() const { return pending_ && parser_->got_some(); }

 private:
  void begin(std::string body_buffer) {
    failure_.reset();
    sent_ = 0;
    received_ = false;
    interim_ = 0;
    expect_response(std::move(body_buffer));
    if (!reused_) {
      close();
      open();
    }
    if (!failure_) write();
  }

  void expect_response(std::string body_buffer) {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(max_body_bytes_);
    parser_->eager(true);
    body_buffer.clear();
    parser_->get().body() = std::move(body_buffer);
  }

  void open() {
    socket_ = ::socket(address_.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return fail(system_error(errno), NetError::kConnect);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, address_.data(), static_cast<socklen_t>(address_.size())) != 0 && errno != EINPROGRESS)
      fail(system_error(errno), NetError::kConnect);
  }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    connected_ = false;
    give_read_buffer(std::exchange(unread_, {}));
  }

  // Sends what is left of the request.
  void write() {
    while (sent_ < wire_.size()) {
      const ssize_t count = ::send(socket_, wire_.data() + sent_, wire_.size() - sent_, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (count < 0) return fail(system_error(errno), connected_ ? NetError::kIo : NetError::kConnect);
      connected_ = true;
      sent_ += static_cast<std::size_t>(count);
    }
  }

  void advance() {
    write();
    while (!failure_ && sent_ == wire_.size() && !parser_->is_done()) {
      if (unread_.capacity() == 0) unread_ = take_read_buffer();
      const auto room = unread_.prepare(kReadBytes);
      const ssize_t count = ::recv(socket_, room.data(), room.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
      if (count < 0) return fail(system_error(errno), NetError::kIo);
      if (count == 0) return end();
      unread_.commit(static_cast<std::size_t>(count));
      received_ = true;
      parse();
      if (static_cast<std::size_t>(count) < room.size()) break;  // what comes later is for the next look
    }
    if (unread_.size() == 0) give_read_buffer(std::exchange(unread_, {}));
  }

  void parse() {
    while (unread_.size() > 0 && !parser_->is_done()) {
      ErrorCode error;
      const std::size_t used = parser_->put(unread_.data(), error);
      unread_.consume(used);
      if (error == http::error::need_more || (!error && used == 0)) return;
      if (error) return fail(error, NetError::kIo);
      if (!parser_->is_done() || !is_interim(parser_->get().result_int())) continue;
      if (++interim_ > kMaxInterim) {
        failure_ = too_many_interim_responses();
        return;
      }
      expect_response(std::move(parser_->get().body()));
    }
  }

  // The server closed.
  void end() {
    ErrorCode error = http::error::end_of_stream;
    if (parser_->got_some()) {
      error = {};
      parser_->put_eof(error);
    }
    if (error) fail(error, NetError::kClosed);
  }

  void fail(const ErrorCode& error, NetError otherwise) {
    const std::string doing = !connected_ ? "connect " + name_ : sent_ < wire_.size() ? "write" : "read";
    failure_ = step_of(error, doing, otherwise);
  }

  void deliver(HttpResult& result) {
    pending_ = false;
    auto& message = parser_->get();
    result.error = NetError::kNone;
    result.message.clear();
    result.response.headers = {};
    result.response.body = std::move(message.body());
    if (failure_) {
      result.error = failure_->error;
      result.message = std::move(failure_->message);
      failure_.reset();
      return close();
    }
    result.response.status = message.result_int();
    if (result.response.status != 200) take_head(result.response, message.base(), message.result_int());
    if (!can_go_on(*parser_, unread_)) close();
  }

  const std::string name_;
  const asio::ip::tcp::endpoint address_;
  const std::string wire_;
  const std::size_t max_body_bytes_;

  int socket_ = -1;
  bool connected_ = false;
  bool reused_ = false;  // the connection served an answer before
  beast::flat_buffer unread_;

  bool pending_ = false;
  TimePoint deadline_;
  std::size_t sent_ = 0;
  bool received_ = false;  // at least one byte, be it of an interim response
  unsigned interim_ = 0;   // such responses
  std::optional<http::response_parser<http::string_body>> parser_;
  std::optional<Step> failure_;
};

bool HttpPoll::suits(const Origin& origin) {
  return !origin.tls && address_of(origin).has_value();
}

HttpPoll::HttpPoll(const Origin& origin, const HttpRequest& request, std::size_t max_body_bytes,
                   std::string_view user_agent)
    : impl_(std::make_unique<Impl>(origin, request, max_body_bytes, user_agent)) {}

HttpPoll::~HttpPoll() = default;

void HttpPoll::send(TimePoint deadline, std::string body_buffer) {
  impl_->send(deadline, std::move(body_buffer));
}

bool HttpPoll::look(TimePoint now, HttpResult& result) {
  return impl_->look(now, result);
}

bool HttpPoll::pending() const {
  return impl_->pending();
}

bool HttpPoll::partial() const {
  return impl_->partial();
}

}  // namespace epp::net
