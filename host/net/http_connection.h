// Internal to net/*.cpp: one client connection and one exchange on it.
#pragma once

#include "net/asio.h"
#include "net/http_client.h"
#include "net/tls_impl.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace epp::net {

using Strand = asio::strand<asio::io_context::executor_type>;
using PlainStream = boost::beast::basic_stream<asio::ip::tcp, Strand>;
using TlsStream = boost::beast::ssl_stream<PlainStream>;
using SteadyTime = std::chrono::steady_clock::time_point;

// How a step ended.
struct Step {
  NetError error = NetError::kNone;
  std::string message;

  [[nodiscard]] bool ok() const { return error == NetError::kNone; }
};

[[nodiscard]] Step step_of(const ErrorCode& error, std::string_view doing, NetError otherwise);
[[nodiscard]] Step too_many_interim_responses();

// One exchange, as the connection sees it.
struct Exchange {
  std::string wire;  // the request, serialised
  SteadyTime deadline = SteadyTime::max();
  HttpCallOptions* options = nullptr;
  bool head_only = false;         // the response to HEAD has no body
  bool follows_redirect = false;  // a redirect's head is not announced

  HttpResponse response;
  bool received = false;    // at least one byte of the response came
  bool keep_alive = false;  // the connection can be used again
};

// All members, except alive() on an idle connection, run on strand().
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(IoPool::Impl& pool, TlsClientContext* tls, std::chrono::milliseconds dead_peer_timeout);

  [[nodiscard]] const Strand& strand() const { return strand_; }
  asio::awaitable<Step> open(const Origin& origin, SteadyTime deadline);
  asio::awaitable<Step> exchange(Exchange& exchange);
  // Ends whatever is pending.
  void close();

  // False when the peer has closed or sent something unasked.
  [[nodiscard]] bool alive();

  SteadyTime idle_since;
  bool reused = false;

 private:
  using Endpoints = asio::ip::tcp::resolver::results_type;

  void watch(SteadyTime deadline);
  void arm(SteadyTime at);
  [[nodiscard]] PlainStream& lowest() { return tls_ ? tls_->next_layer() : *plain_; }
  asio::awaitable<Step> resolve(const Origin& origin, SteadyTime deadline, Endpoints& found);
  asio::awaitable<Step> handshake(const std::string& host);
  template <class Stream>
  asio::awaitable<Step> run(Stream& stream, Exchange& exchange);
  template <class Stream>
  asio::awaitable<Step> read_whole(Stream& stream, Exchange& exchange);
  template <class Stream>
  asio::awaitable<Step> read_pieces(Stream& stream, Exchange& exchange);

  Strand strand_;
  TlsClientContext* tls_context_;
  std::chrono::milliseconds dead_peer_timeout_;
  std::shared_ptr<asio::ssl::context> ssl_;  // as it was when the connection was made
  std::optional<PlainStream> plain_;
  std::optional<TlsStream> tls_;
  boost::beast::flat_buffer buffer_;
  asio::ip::tcp::resolver resolver_;
  bool closed_ = false;

  // The deadline of whole exchanges. Its timer is not moved with each of them: when it goes off it looks at the
  // deadline as it is by then, so that a connection that is used again and again sets it about once per time limit.
  asio::steady_timer watch_;
  SteadyTime deadline_ = SteadyTime::max();
  bool watching_ = false;  // the timer runs
  bool late_ = false;      // the exchange was ended by it
};

}  // namespace epp::net
