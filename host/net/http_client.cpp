#include "net/http_client.h"

#include "net/http_connection.h"
#include "net/io_pool.h"
#include "net/timer.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace epp::net {
namespace {

using Clock = std::chrono::steady_clock;

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
}

bool is_target(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7f; });
}

bool is_legal(const Origin& origin, const HttpRequest& request) {
  return is_token(request.method) && is_target(request.target) && is_target(origin.host) &&
         std::all_of(request.headers.begin(), request.headers.end(),
                     [](const auto& field) { return is_token(field.first) && is_field_value(field.second); });
}

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE";
}

// Where a redirect leads, seen from where it was given. False when it cannot be followed.
bool follow(std::string_view location, Origin& origin, HttpRequest& request) {
  location = location.substr(0, location.find('#'));
  if (location.empty()) return false;
  if (location.front() == '/' && location.substr(0, 2) != "//") {
    request.target = std::string(location);
    return true;
  }
  Origin next = origin;
  std::string_view rest = location;
  if (rest.starts_with("http://") || rest.starts_with("https://")) {
    next.tls = rest[4] == 's';
    rest.remove_prefix(next.tls ? 8 : 7);
  } else if (rest.starts_with("//")) {
    rest.remove_prefix(2);
  } else {
    const std::string_view path = request.path();
    request.target = std::string(path.substr(0, path.rfind('/') + 1)) + std::string(location);
    return true;
  }
  const auto slash = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) return false;
  if (auto both = split_host_port(authority)) {
    next.host = std::move(both->host);
    next.port = std::move(both->port);
  } else if (auto host = split_host_port(std::string(authority) + (next.tls ? ":443" : ":80"))) {
    next.host = std::move(host->host);
    next.port = std::move(host->port);
  } else {
    return false;
  }
  origin = std::move(next);
  request.target =
      rest.substr(slash).starts_with('/') ? std::string(rest.substr(slash)) : "/" + std::string(rest.substr(slash));
  return true;
}

}  // namespace

struct HttpCall::State {
  Origin origin;
  HttpRequest request;
  HttpCallOptions options;
  HttpClient::Callback callback;
  SteadyTime deadline = SteadyTime::max();
  unsigned redirects = 0;

  std::mutex mutex;  // guards the rest
  bool cancelled = false;
  std::shared_ptr<Connection> connection;

  void cancel() {
    std::lock_guard lock(mutex);
    if (std::exchange(cancelled, true) || !connection) return;
    asio::post(connection->strand(), [active = connection] { active->close(); });
  }
  // False when the call was cancelled before.
  bool use(std::shared_ptr<Connection> next) {
    std::lock_guard lock(mutex);
    if (cancelled) return false;
    connection = std::move(next);
    return true;
  }
  // From here on cancel() no longer reaches the connection. True when it already did.
  bool release() {
    std::lock_guard lock(mutex);
    connection.reset();
    return cancelled;
  }
};

using CallPtr = std::shared_ptr<HttpCall::State>;

struct HttpClient::Impl : std::enable_shared_from_this<Impl> {
  Impl(IoPool& io, HttpClientOptions given) : pool(io.impl()), options(std::move(given)), sweep_timer(io) {
    if (options.tls) tls = std::make_shared<TlsClientContext>(*options.tls);
  }

  static std::string key_of(const Origin& origin) {
    return (origin.tls ? "s" : "p") + join_host_port(origin.host, origin.port);
  }

  void attempt(const CallPtr& call, bool fresh) {
    std::shared_ptr<Connection> connection;
    if (!fresh) connection = take_idle(key_of(call->origin), !is_idempotent(call->request.method));
    try {
      TlsClientContext* const context = call->origin.tls ? tls.get() : nullptr;
      if (!connection) connection = std::make_shared<Connection>(pool, context, options.dead_peer_timeout);
    } catch (const std::exception& fault) {
      return finish_later(call, {NetError::kIo, fault.what()});
    }
    if (!call->use(connection)) return finish_later(call, {NetError::kCancelled, "cancelled"});
    asio::post(connection->strand(), [self = shared_from_this(), call, connection] {
      asio::co_spawn(connection->strand(), self->run(self, call, connection), [](const std::exception_ptr& fault) {
        if (fault) std::rethrow_exception(fault);
      });
    });
  }

  // The frame keeps `self`: a client may be destroyed while its calls are being cancelled.
  asio::awaitable<void> run([[maybe_unused]] std::shared_ptr<Impl> self, CallPtr call,
                            std::shared_ptr<Connection> connection) {
    Step step;
    Exchange exchange;
    try {
      exchange.wire =
          serialise(call->request, join_host_port(call->origin.host, call->origin.port), options.user_agent);
      exchange.deadline = call->deadline;
      exchange.options = &call->options;
      exchange.head_only = call->request.method == "HEAD";
      exchange.follows_redirect = may_follow(*call);
      if (!connection->reused) step = co_await connection->open(call->origin, open_deadline(*call));
      if (step.ok()) step = co_await connection->exchange(exchange);
    } catch (const std::exception& fault) {
      step = {NetError::kIo, fault.what()};
    }
    const bool cancelled = call->release();
    if (cancelled && !step.ok()) step = {NetError::kCancelled, "cancelled"};
    const bool stale = connection->reused && !exchange.received &&
                       (step.error == NetError::kClosed || step.error == NetError::kIo) &&
                       is_idempotent(call->request.method);
    if (step.ok() && exchange.keep_alive && !cancelled) {
      keep(key_of(call->origin), connection);
    } else {
      connection->close();
    }
    if (stale) {
      attempt(call, true);
    } else if (step.ok() && redirect(call, exchange.response, step)) {
      attempt(call, false);
    } else {
      finish(call, std::move(step), std::move(exchange.response));
    }
  }

  static SteadyTime open_deadline(const HttpCall::State& call) {
    if (call.options.connect_timeout.count() <= 0) return call.deadline;
    return std::min(call.deadline, Clock::now() + call.options.connect_timeout);
  }

  static bool may_follow(const HttpCall::State& call) {
    return call.options.max_redirects > 0 && (call.request.method == "GET" || call.request.method == "HEAD");
  }

  // True when the call goes on elsewhere; otherwise `step` may have become an error.
  bool redirect(const CallPtr& call, HttpResponse& response, Step& step) {
    const unsigned status = response.status;
    if (!may_follow(*call) || !(status == 301 || status == 302 || status == 303 || status == 307 || status == 308)) {
      return false;
    }
    const Origin before = call->origin;
    if (!follow(response.headers.get("location"), call->origin, call->request)) return false;
    if (call->redirects++ >= call->options.max_redirects) {
      step = {NetError::kTooManyRedirects,
              "stopped after " + std::to_string(call->options.max_redirects) + " redirects"};
      return false;
    }
    if (call->origin.tls && !tls) {
      step = {NetError::kTls, "redirected to https without TLS settings"};
      return false;
    }
    if (key_of(before) != key_of(call->origin)) call->request.headers.remove("Authorization");
    call->options.body_buffer = std::move(response.body);
    return true;
  }

  void finish(const CallPtr& call, Step step, HttpResponse response) {
    {
      std::lock_guard lock(mutex);
      calls.erase(call);
    }
    HttpResult result{step.error, std::move(step.message), std::move(response)};
    if (!result.ok()) result.response.body = std::move(call->options.body_buffer);
    const Callback callback = std::exchange(call->callback, nullptr);
    if (callback) callback(std::move(result));
  }

  void finish_later(const CallPtr& call, Step step) {
    asio::post(pool.context, [self = shared_from_this(), call, step = std::move(step)]() mutable {
      self->finish(call, std::move(step), {});
    });
  }

  std::shared_ptr<Connection> take_idle(const std::string& key, bool verify) {
    std::lock_guard lock(mutex);
    const auto found = idle.find(key);
    if (found == idle.end()) return nullptr;
    std::shared_ptr<Connection> connection;
    while (!connection && !found->second.empty()) {
      connection = std::move(found->second.back());
      found->second.pop_back();
      --idle_total;
      const bool expired = Clock::now() - connection->idle_since > options.idle_connection_timeout;
      if (expired || (verify && !connection->alive())) connection.reset();
    }
    if (found->second.empty()) idle.erase(found);
    if (connection) connection->reused = true;
    return connection;
  }

  void keep(const std::string& key, const std::shared_ptr<Connection>& connection) {
    std::lock_guard lock(mutex);
    auto& kept = idle[key];
    if (closed || kept.size() >= options.max_idle_per_origin || idle_total >= options.max_idle_total) {
      if (kept.empty()) idle.erase(key);
      connection->close();
      return;
    }
    connection->idle_since = Clock::now();
    kept.push_back(connection);
    ++idle_total;
  }

  // Closes what has been idle too long, so that vanished origins leave no sockets behind.
  void sweep() {
    std::lock_guard lock(mutex);
    const auto oldest = Clock::now() - options.idle_connection_timeout;
    for (auto entry = idle.begin(); entry != idle.end();) {
      idle_total -= std::erase_if(entry->second, [&](const auto& kept) { return kept->idle_since < oldest; });
      entry = entry->second.empty() ? idle.erase(entry) : std::next(entry);
    }
  }

  IoPool::Impl& pool;
  HttpClientOptions options;
  std::shared_ptr<TlsClientContext> tls;

  mutable std::mutex mutex;  // guards the rest
  std::unordered_map<std::string, std::vector<std::shared_ptr<Connection>>> idle;
  std::size_t idle_total = 0;
  std::unordered_set<CallPtr> calls;
  bool closed = false;

  Timer sweep_timer;
};

void HttpCall::cancel() {
  if (const auto state = state_.lock()) state->cancel();
}

HttpClient::HttpClient(IoPool& pool, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(pool, std::move(options))) {
  impl_->sweep_timer.every(std::max(impl_->options.idle_connection_timeout / 2, std::chrono::milliseconds(10)),
                           [weak = std::weak_ptr(impl_)] {
                             if (const auto impl = weak.lock()) impl->sweep();
                           });
}

HttpClient::~HttpClient() {
  impl_->sweep_timer.cancel();
  std::vector<CallPtr> open;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->closed = true;
    impl_->idle.clear();
    impl_->idle_total = 0;
    open.assign(impl_->calls.begin(), impl_->calls.end());
  }
  for (const auto& call : open)
    call->cancel();
}

HttpCall HttpClient::send(Origin origin, HttpRequest request, HttpCallOptions options, Callback callback) {
  auto call = std::make_shared<HttpCall::State>();
  call->origin = std::move(origin);
  call->request = std::move(request);
  call->options = std::move(options);
  call->callback = std::move(callback);
  if (call->options.timeout.count() > 0) call->deadline = Clock::now() + call->options.timeout;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->calls.insert(call);
  }
  if (!is_legal(call->origin, call->request)) {
    impl_->finish_later(call, {NetError::kInvalidRequest, "illegal method, target, host or header"});
  } else if (call->origin.tls && !impl_->tls) {
    impl_->finish_later(call, {NetError::kTls, "https without TLS settings"});
  } else {
    impl_->attempt(call, false);
  }
  return HttpCall(call);
}

std::size_t HttpClient::idle_connections() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->idle_total;
}

}  // namespace epp::net
