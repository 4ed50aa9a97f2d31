#include "net/http_server.h"

#include "net/asio.h"
#include "net/io_pool.h"
#include "net/tls_impl.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace epp::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<tcp, Strand>;
using PlainStream = beast::basic_stream<tcp, Strand>;
using TlsStream = beast::ssl_stream<PlainStream>;

auto into(ErrorCode& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

HttpResponse plain_response(unsigned status) {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::string(http::obsolete_reason(http::int_to_status(status))) + "\n";
  return response;
}

bool has_body(unsigned status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string serialise_head(const HttpResponse& response, bool keep_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(http::obsolete_reason(http::int_to_status(response.status))).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    const bool framing = beast::iequals(name, "content-length") || beast::iequals(name, "connection") ||
                         beast::iequals(name, "transfer-encoding");
    if (framing || (name + value).find_first_of("\r\n") != std::string::npos) continue;
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (has_body(response.status))
    head.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  if (!keep_alive) head.append("Connection: close\r\n");
  return head.append("\r\n");
}

}  // namespace

class Session;

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(IoPool& io, HttpServerOptions given) : io_pool(io), pool(io.impl()), options(std::move(given)) {}

  void listen();
  asio::awaitable<void> accept();
  [[nodiscard]] const Handler* find(std::string_view path) const;
  void stop(std::chrono::milliseconds grace);

  IoPool& io_pool;
  IoPool::Impl& pool;
  HttpServerOptions options;
  std::map<std::string, Handler, std::less<>> routes;
  std::unique_ptr<TlsServerContext> tls;
  std::optional<asio::basic_socket_acceptor<tcp, Strand>> acceptor;
  std::uint16_t port = 0;

  mutable std::mutex mutex;  // guards the rest
  std::condition_variable changed;
  std::unordered_set<std::shared_ptr<Session>> sessions;
  bool accepting = false;
  bool stopping = false;
};

// One accepted connection. Everything but the constructor runs on its strand.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<HttpServer::Impl> server, Socket socket, std::shared_ptr<asio::ssl::context> tls)
      : strand_(socket.get_executor()), server_(std::move(server)), tls_context_(std::move(tls)), answered_(strand_) {
    ErrorCode error;
    if (const auto remote = socket.remote_endpoint(error); !error) peer_ = remote.address().to_string();
    socket.set_option(tcp::no_delay(true), error);
    if (tls_context_) {
      tls_.emplace(PlainStream(std::move(socket)), *tls_context_);
    } else {
      plain_.emplace(std::move(socket));
    }
  }

  void start() {
    asio::co_spawn(strand_, run(), [self = shared_from_this()](const std::exception_ptr&) { self->leave(); });
  }

  // [any-thread] Closes at once when between requests, else after the response in progress.
  void close_when_idle() {
    asio::post(strand_, [self = shared_from_this()] {
      self->closing_ = true;
      if (!self->in_request_) self->lowest().close();
    });
  }
  // [any-thread]
  void close() {
    asio::post(strand_, [self = shared_from_this()] {
      self->closing_ = true;
      self->lowest().close();
      self->answered_.cancel();
    });
  }

  [[nodiscard]] const std::string& peer() const { return peer_; }

  // [any-thread] An answer to request number `serial`.
  void answer(std::uint64_t serial, HttpResponse response) {
    asio::post(strand_, [self = shared_from_this(), serial, response = std::move(response)]() mutable {
      if (serial != self->serial_ || self->response_) return;
      self->response_ = std::move(response);
      self->answered_.cancel();
    });
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  [[nodiscard]] PlainStream& lowest() { return tls_ ? tls_->next_layer() : *plain_; }

  asio::awaitable<void> run() {
    if (!tls_) co_return co_await serve(*plain_);
    ErrorCode error;
    lowest().expires_after(server_->options.header_timeout);
    co_await tls_->async_handshake(asio::ssl::stream_base::server, into(error));
    if (!error) co_await serve(*tls_);
  }

  template <class Stream>
  asio::awaitable<void> serve(Stream& stream) {
    for (bool more = true; more && !closing_;) {
      Parser parser;
      unsigned refusal = 0;
      if (!co_await receive(stream, parser, refusal)) break;
      more = refusal == 0 && parser.get().keep_alive();
      const bool head_only = parser.get().method() == http::verb::head;
      HttpResponse response;
      if (refusal == 0) {
        co_await dispatch(parser);
        if (!response_) break;
        response = std::move(*response_);
      } else {
        response = plain_response(refusal);
      }
      more = more && !closing_;
      if (!co_await send(stream, response, more, head_only)) break;
      in_request_ = false;
    }
    ErrorCode ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    lowest().close();
  }

  // False when the connection is over; `refusal` is the status to answer with instead of asking a handler.
  template <class Stream>
  asio::awaitable<bool> receive(Stream& stream, Parser& parser, unsigned& refusal) {
    const HttpServerOptions& options = server_->options;
    ErrorCode error;
    if (buffer_.size() == 0) {
      lowest().expires_after(options.idle_timeout);
      const std::size_t got = co_await stream.async_read_some(buffer_.prepare(4096), into(error));
      if (error) co_return false;
      buffer_.commit(got);
    }
    if (closing_) co_return false;
    in_request_ = true;
    parser.header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
    parser.body_limit(options.max_body_bytes);
    lowest().expires_after(options.header_timeout);
    co_await http::async_read_header(stream, buffer_, parser, into(error));
    if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream, asio::buffer(kContinue), into(error));
    }
    if (!error) {
      lowest().expires_after(options.body_timeout);
      co_await http::async_read(stream, buffer_, parser, into(error));
    }
    if (!error) co_return true;
    if (error == http::error::body_limit) {
      refusal = 413;
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      refusal = 431;
    } else if (error == beast::error::timeout || error == http::error::end_of_stream ||
               error == http::error::partial_message || error.category() == asio::error::get_system_category() ||
               error.category() == asio::error::get_misc_category()) {
      co_return false;
    } else {
      refusal = 400;
    }
    co_return true;
  }

  // Asks the handler and waits for its answer in response_; none when the server or the peer closes meanwhile.
  asio::awaitable<void> dispatch(Parser& parser);
  void watch_peer();

  template <class Stream>
  asio::awaitable<bool> send(Stream& stream, const HttpResponse& response, bool keep_alive, bool head_only) {
    const std::string head = serialise_head(response, keep_alive);
    const bool body = has_body(response.status) && !head_only;
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head),
                                                  body ? asio::buffer(response.body) : asio::const_buffer()};
    ErrorCode error;
    lowest().expires_after(server_->options.write_timeout);
    co_await asio::async_write(stream, parts, into(error));
    co_return !error;
  }

  void leave() {
    std::lock_guard lock(server_->mutex);
    server_->sessions.erase(shared_from_this());
    server_->changed.notify_all();
  }

  Strand strand_;
  std::shared_ptr<HttpServer::Impl> server_;
  std::shared_ptr<asio::ssl::context> tls_context_;
  std::optional<PlainStream> plain_;
  std::optional<TlsStream> tls_;
  std::string peer_;
  beast::flat_buffer buffer_;
  asio::steady_timer answered_;
  std::optional<HttpResponse> response_;
  std::uint64_t serial_ = 0;
  bool in_request_ = false;
  bool closing_ = false;
};

namespace {

class SessionExchange final : public HttpExchange {
 public:
  SessionExchange(std::shared_ptr<Session> session, std::uint64_t serial, HttpRequest request)
      : session_(std::move(session)), serial_(serial), request_(std::move(request)) {}
  ~SessionExchange() override {
    if (!answered_.exchange(true)) session_->answer(serial_, plain_response(500));
  }

  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  [[nodiscard]] std::string_view peer() const override { return session_->peer(); }
  void respond(HttpResponse response) override {
    if (!answered_.exchange(true)) session_->answer(serial_, std::move(response));
  }

 private:
  std::shared_ptr<Session> session_;
  std::uint64_t serial_;
  HttpRequest request_;
  std::atomic<bool> answered_{false};
};

}  // namespace

asio::awaitable<void> Session::dispatch(Parser& parser) {
  auto message = parser.release();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  request.body = std::move(message.body());

  response_.reset();
  ++serial_;
  const HttpServer::Handler* handler = server_->find(request.path());
  if (handler == nullptr) {
    response_ = plain_response(404);
    co_return;
  }
  lowest().expires_never();
  answered_.expires_at(std::chrono::steady_clock::time_point::max());
  try {
    (*handler)(std::make_shared<SessionExchange>(shared_from_this(), serial_, std::move(request)));
  } catch (const std::exception&) {
    response_ = plain_response(500);
  }
  if (response_) co_return;
  watch_peer();
  ErrorCode ignored;
  co_await answered_.async_wait(into(ignored));
  lowest().socket().cancel(ignored);
}

void Session::watch_peer() {
  lowest().socket().async_wait(tcp::socket::wait_read, [self = shared_from_this(), serial = serial_](ErrorCode error) {
    if (error || serial != self->serial_ || self->response_) return;
    char byte = 0;
    const int socket = self->lowest().socket().native_handle();
    if (::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) self->answered_.cancel();
  });
}

void HttpServer::Impl::listen() {
  ErrorCode error;
  const bool any = options.address.empty();
  const auto address =
      any ? asio::ip::address(asio::ip::address_v6::any()) : asio::ip::make_address(options.address, error);
  const std::string where = "listen on " + join_host_port(options.address, std::to_string(options.port)) + ": ";
  const auto require = [&] {
    if (error) throw std::runtime_error(where + error.message());
  };
  require();
  if (options.tls) tls = std::make_unique<TlsServerContext>(io_pool, *options.tls);
  acceptor.emplace(asio::make_strand(pool.context));
  tcp::endpoint endpoint(address, options.port);
  acceptor->open(endpoint.protocol(), error);
  if (error == asio::error::address_family_not_supported && any) {
    endpoint = tcp::endpoint(asio::ip::address_v4::any(), options.port);
    acceptor->open(endpoint.protocol(), error);
  }
  require();
  acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (endpoint.address().is_v6()) acceptor->set_option(asio::ip::v6_only(false), error);
  acceptor->bind(endpoint, error);
  require();
  acceptor->listen(asio::socket_base::max_listen_connections, error);
  require();
  port = acceptor->local_endpoint().port();
  accepting = true;
  asio::co_spawn(acceptor->get_executor(), accept(), [self = shared_from_this()](const std::exception_ptr&) {
    std::lock_guard lock(self->mutex);
    self->accepting = false;
    self->changed.notify_all();
  });
}

asio::awaitable<void> HttpServer::Impl::accept() {
  asio::steady_timer pause(acceptor->get_executor());
  for (;;) {
    ErrorCode error;
    Socket socket = co_await acceptor->async_accept(asio::make_strand(pool.context), into(error));
    if (!acceptor->is_open()) co_return;
    if (error) {
      // Out of descriptors, most likely: the pending connection stays queued until some are free.
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(into(error));
      if (!acceptor->is_open()) co_return;
      continue;
    }
    std::shared_ptr<Session> session;
    {
      std::lock_guard lock(mutex);
      if (stopping) co_return;
      if (sessions.size() >= options.max_connections) continue;
      session = std::make_shared<Session>(shared_from_this(), std::move(socket), tls ? tls->impl().current() : nullptr);
      sessions.insert(session);
    }
    session->start();
  }
}

const HttpServer::Handler* HttpServer::Impl::find(std::string_view path) const {
  if (const auto exact = routes.find(path); exact != routes.end()) return &exact->second;
  for (auto slash = path.rfind('/'); slash != std::string_view::npos && slash < path.size();
       slash = slash == 0 ? std::string_view::npos : path.rfind('/', slash - 1)) {
    if (const auto prefix = routes.find(path.substr(0, slash + 1)); prefix != routes.end()) return &prefix->second;
  }
  return nullptr;
}

void HttpServer::Impl::stop(std::chrono::milliseconds grace) {
  std::unique_lock lock(mutex);
  if (!std::exchange(stopping, true) && acceptor) {
    asio::post(acceptor->get_executor(), [self = shared_from_this()] {
      ErrorCode ignored;
      self->acceptor->close(ignored);
    });
  }
  const auto is_over = [&] { return (!accepting && sessions.empty()) || pool.context.stopped(); };
  for (const auto& session : sessions)
    session->close_when_idle();
  changed.wait_for(lock, grace, is_over);
  for (const auto& session : sessions)
    session->close();
  // A handler that never returns would hold us here; the pool's stop would hang on it as well.
  while (!is_over())
    changed.wait_for(lock, std::chrono::milliseconds(20));
}

HttpServer::HttpServer(IoPool& pool, HttpServerOptions options)
    : impl_(std::make_shared<Impl>(pool, std::move(options))) {}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::route(std::string path, Handler handler) {
  impl_->routes.insert_or_assign(std::move(path), std::move(handler));
}

void HttpServer::start() {
  impl_->listen();
}

std::uint16_t HttpServer::port() const {
  return impl_->port;
}

std::size_t HttpServer::connections() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->sessions.size();
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  impl_->stop(grace);
}

}  // namespace epp::net
