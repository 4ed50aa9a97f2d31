#include "net/http_connection.h"

#include "net/http_reading.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace epp::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kPieceBytes = 16u << 10;
auto into(ErrorCode& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

template <class Body>
void begin_response(std::optional<http::response_parser<Body>>& parser, bool head_only) {
  parser.emplace();
  parser->header_limit(kMaxHeaderBytes);
  parser->skip(head_only);
}

bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Probes a silent peer twice or more within `limit` and gives up on it before `limit` is over: the kernel looks
// whenever a probe is due, so the last look is one interval early.
void notice_dead_peer(int socket, std::chrono::milliseconds limit) {
  using std::chrono::seconds;
  const auto set = [socket](int level, int name, auto value) {
    const int number = static_cast<int>(value);
    ::setsockopt(socket, level, name, &number, sizeof number);
  };
  const seconds whole = std::clamp(std::chrono::duration_cast<seconds>(limit), seconds(2), seconds(3600));
  const seconds idle = std::max(whole / 3, seconds(1));
  const seconds interval = std::max(whole / 6, seconds(1));
  set(IPPROTO_TCP, TCP_KEEPIDLE, idle.count());
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval.count());
  set(IPPROTO_TCP, TCP_KEEPCNT, std::max<std::int64_t>((whole - idle) / interval, 1));
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, std::chrono::milliseconds(whole - interval).count());
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace

Step step_of(const ErrorCode& error, std::string_view doing, NetError otherwise) {
  if (!error) return {};
  NetError kind = otherwise;
  if (error == beast::error::timeout) {
    kind = NetError::kTimeout;
  } else if (error == http::error::body_limit) {
    kind = NetError::kBodyTooLarge;
  } else if (error == http::error::end_of_stream || error == http::error::partial_message ||
             error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::broken_pipe ||
             error == asio::ssl::error::stream_truncated) {
    kind = NetError::kClosed;
  } else if (error.category() == http::make_error_code(http::error::bad_version).category()) {
    kind = NetError::kMalformed;
  }
  std::string message(doing);
  message += ": ";
  message += kind == NetError::kTimeout ? "deadline exceeded" : error.message();
  return {kind, std::move(message)};
}

Step too_many_interim_responses() {
  return {NetError::kMalformed, "read: too many interim responses"};
}

Connection::Connection(IoPool::Impl& pool, TlsClientContext* tls, std::chrono::milliseconds dead_peer_timeout)
    : strand_(asio::make_strand(pool.context)),
      tls_context_(tls),
      dead_peer_timeout_(dead_peer_timeout),
      resolver_(strand_),
      watch_(strand_) {
  if (tls) {
    ssl_ = tls->impl().current();
    tls_.emplace(PlainStream(strand_), *ssl_);
  } else {
    plain_.emplace(strand_);
  }
}

asio::awaitable<Step> Connection::resolve(const Origin& origin, SteadyTime deadline, Endpoints& found) {
  // A literal needs no resolver, whose single thread a slow name server could hold.
  ErrorCode error;
  const auto literal = asio::ip::make_address(origin.host, error);
  if (!error) {
    const auto port = static_cast<unsigned short>(std::strtoul(origin.port.c_str(), nullptr, 10));
    found = Endpoints::create(asio::ip::tcp::endpoint(literal, port), origin.host, origin.port);
    co_return Step{};
  }
  // getaddrinfo cannot be interrupted: at the deadline it is left behind, with all it needs held by its handler.
  struct Lookup {
    asio::steady_timer done;
    ErrorCode error = asio::error::timed_out;
    Endpoints found;
  };
  auto lookup = std::make_shared<Lookup>(Lookup{asio::steady_timer(strand_), asio::error::timed_out, {}});
  lookup->done.expires_at(deadline);
  resolver_.async_resolve(origin.host, origin.port, [lookup](ErrorCode failure, Endpoints results) {
    lookup->error = failure;
    lookup->found = std::move(results);
    lookup->done.expires_at(SteadyTime::min());
  });
  ErrorCode ignored;
  co_await lookup->done.async_wait(into(ignored));
  if (closed_) co_return Step{NetError::kCancelled, "cancelled"};
  if (lookup->error == asio::error::timed_out) {
    co_return Step{NetError::kTimeout, "resolve " + origin.host + ": deadline exceeded"};
  }
  if (lookup->error) co_return step_of(lookup->error, "resolve " + origin.host, NetError::kResolve);
  found = std::move(lookup->found);
  co_return Step{};
}

asio::awaitable<Step> Connection::open(const Origin& origin, SteadyTime deadline) {
  Endpoints found;
  Step step = co_await resolve(origin, deadline, found);
  if (!step.ok()) co_return step;
  if (closed_) co_return Step{NetError::kCancelled, "cancelled"};

  lowest().expires_at(deadline);
  ErrorCode error;
  co_await lowest().async_connect(found, into(error));
  if (error) {
    co_return step_of(error, "connect " + join_host_port(origin.host, origin.port), NetError::kConnect);
  }
  lowest().socket().set_option(asio::ip::tcp::no_delay(true), error);
  if (dead_peer_timeout_.count() > 0) notice_dead_peer(lowest().socket().native_handle(), dead_peer_timeout_);
  if (tls_) co_return co_await handshake(origin.host);
  co_return Step{};
}

asio::awaitable<Step> Connection::handshake(const std::string& host) {
  const TlsClientOptions& options = tls_context_->impl().options;
  const std::string& name = options.server_name.empty() ? host : options.server_name;
  ErrorCode error;
  asio::ip::make_address(name, error);
  if (error && SSL_set_tlsext_host_name(tls_->native_handle(), name.c_str()) != 1) {
    co_return Step{NetError::kTls, "TLS: illegal server name " + name};
  }
  if (!options.insecure_skip_verify) tls_->set_verify_callback(asio::ssl::host_name_verification(name));
  co_await tls_->async_handshake(asio::ssl::stream_base::client, into(error));
  co_return step_of(error, "TLS handshake with " + host, NetError::kTls);
}

asio::awaitable<Step> Connection::exchange(Exchange& exchange) {
  if (closed_) co_return Step{NetError::kCancelled, "cancelled"};
  if (tls_) co_return co_await run(*tls_, exchange);
  co_return co_await run(*plain_, exchange);
}

template <class Stream>
asio::awaitable<Step> Connection::run(Stream& stream, Exchange& exchange) {
  lowest().expires_never();
  watch(exchange.deadline);
  buffer_ = take_read_buffer();
  ErrorCode error;
  Step step;
  co_await asio::async_write(stream, asio::buffer(exchange.wire), into(error));
  if (error) {
    step = step_of(error, "write", NetError::kIo);
  } else if (exchange.options->on_data) {
    step = co_await read_pieces(stream, exchange);
  } else {
    step = co_await read_whole(stream, exchange);
  }
  give_read_buffer(std::exchange(buffer_, {}));
  deadline_ = SteadyTime::max();
  if (late_) {
    exchange.keep_alive = false;
    if (!step.ok()) step = {NetError::kTimeout, step.message.substr(0, step.message.find(':')) + ": deadline exceeded"};
  }
  co_return step;
}

// Ends the exchange at `deadline`.
void Connection::watch(SteadyTime deadline) {
  deadline_ = deadline;
  if (deadline == SteadyTime::max() || (watching_ && watch_.expiry() <= deadline)) return;
  arm(deadline);
}

void Connection::arm(SteadyTime at) {
  watching_ = true;
  watch_.expires_at(at);  // a wait for a later moment is thereby cancelled
  watch_.async_wait([weak = weak_from_this()](ErrorCode error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->watching_ = false;
    if (self->deadline_ == SteadyTime::max()) return;
    if (self->deadline_ > std::chrono::steady_clock::now()) return self->arm(self->deadline_);
    self->late_ = true;
    self->lowest().close();
  });
}

template <class Stream>
asio::awaitable<Step> Connection::read_whole(Stream& stream, Exchange& exchange) {
  std::optional<http::response_parser<http::string_body>> parser;
  std::string& body = exchange.options->body_buffer;
  unsigned interim = 0;
  do {
    if (interim > kMaxInterim) co_return too_many_interim_responses();
    begin_response(parser, exchange.head_only);
    parser->body_limit(exchange.options->max_body_bytes);
    body.clear();
    parser->get().body() = std::move(body);
    ErrorCode error;
    co_await http::async_read(stream, buffer_, *parser, into(error));
    exchange.received = exchange.received || parser->got_some();
    body = std::move(parser->get().body());
    if (error) co_return step_of(error, "read", NetError::kIo);
    ++interim;
  } while (is_interim(parser->get().result_int()));
  take_head(exchange.response, parser->get().base(), parser->get().result_int());
  exchange.response.body = std::move(body);
  exchange.keep_alive = can_go_on(*parser, buffer_);
  co_return Step{};
}

template <class Stream>
asio::awaitable<Step> Connection::read_pieces(Stream& stream, Exchange& exchange) {
  HttpCallOptions& options = *exchange.options;
  const auto limit_silence = [&](std::chrono::milliseconds limit) {
    SteadyTime until = exchange.deadline;
    if (limit.count() > 0) until = std::min(until, std::chrono::steady_clock::now() + limit);
    lowest().expires_at(until);
  };
  std::optional<http::response_parser<http::buffer_body>> parser;
  ErrorCode error;
  limit_silence(options.head_timeout.count() > 0 ? options.head_timeout : options.idle_timeout);
  unsigned interim = 0;
  do {
    if (interim > kMaxInterim) co_return too_many_interim_responses();
    begin_response(parser, exchange.head_only);
    parser->body_limit(boost::none);
    co_await http::async_read_header(stream, buffer_, *parser, into(error));
    exchange.received = exchange.received || parser->got_some();
    if (error) co_return step_of(error, "read", NetError::kIo);
    ++interim;
  } while (is_interim(parser->get().result_int()));
  take_head(exchange.response, parser->get().base(), parser->get().result_int());

  const bool announce = !(exchange.follows_redirect && is_redirect(exchange.response.status));
  if (announce && options.on_head && !options.on_head(exchange.response)) {
    co_return Step{NetError::kCancelled, "aborted by the receiver"};
  }
  std::array<char, kPieceBytes> piece;
  while (!parser->is_done()) {
    parser->get().body().data = piece.data();
    parser->get().body().size = piece.size();
    limit_silence(options.idle_timeout);
    co_await http::async_read_some(stream, buffer_, *parser, into(error));
    if (error == http::error::need_buffer) error = {};
    if (error) co_return step_of(error, "read", NetError::kIo);
    const std::size_t size = piece.size() - parser->get().body().size;
    if (size > 0 && announce && !options.on_data(std::string_view(piece.data(), size))) {
      co_return Step{NetError::kCancelled, "aborted by the receiver"};
    }
    if (closed_) co_return Step{NetError::kCancelled, "cancelled"};
  }
  exchange.keep_alive = can_go_on(*parser, buffer_);
  co_return Step{};
}

void Connection::close() {
  closed_ = true;
  resolver_.cancel();
  watch_.cancel();
  lowest().cancel();
  lowest().close();
}

bool Connection::alive() {
  if (!lowest().socket().is_open()) return false;
  char byte = 0;
  const auto got = ::recv(lowest().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace epp::net
