#pragma once

#include "sim/control.h"
#include "sim/driver.h"
#include "sim/format.h"
#include "sim/journal.h"
#include "sim/server.h"

#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace epp::sim {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

// Lets a coroutine sleep until somebody wakes it. A wake-up before the sleep is not lost.
class Waker {
 public:
  explicit Waker(boost::asio::io_context& io) : timer_(io, boost::asio::steady_timer::time_point::max()) {}

  boost::asio::awaitable<void> wait();
  void wake();

 private:
  boost::asio::steady_timer timer_;
  bool awake_ = false;
};

// One request and the connection that it came on.
struct Exchange {
  Exchange(boost::asio::io_context& io, std::shared_ptr<boost::beast::tcp_stream> connection, HttpRequest received,
           std::string own_name)
      : stream(std::move(connection)), request(std::move(received)), name(std::move(own_name)), waker(io) {}

  std::shared_ptr<boost::beast::tcp_stream> stream;
  HttpRequest request;
  std::string name;  // Of the x-sim-endpoint header.
  Waker waker;
  bool client_gone = false;
};

// What the endpoints do. Everything runs on the thread of the io_context.
class Service {
 public:
  Service(boost::asio::io_context& io, const ServerOptions& options);

  // Called when the port shall be closed for a while.
  std::function<void(std::chrono::milliseconds)> on_stop_accepting;

  // Reads and answers requests until the client closes the connection.
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);

 private:
  struct Progress;

  boost::asio::awaitable<bool> answer(Exchange& exchange);
  boost::asio::awaitable<bool> infer(Exchange& exchange, Api api);
  boost::asio::awaitable<bool> generate(Exchange& exchange, const ApiRequest& request);
  boost::asio::awaitable<bool> stream_tokens(Exchange& exchange, Progress& progress);
  boost::asio::awaitable<bool> send_metrics(Exchange& exchange);
  boost::asio::awaitable<bool> wait_while(Exchange& exchange, std::function<bool()> condition);
  boost::asio::awaitable<bool> send(Exchange& exchange, unsigned status, std::string content_type, std::string body,
                                    std::uint64_t prefix_hit_tokens = 0);
  boost::asio::awaitable<bool> send_error(Exchange& exchange, unsigned status, const std::string& message);

  bool submit_all(const ApiRequest& request, Progress& progress);
  void change_control(std::string_view body);

  boost::asio::io_context& io_;
  ServerOptions options_;
  EngineDriver driver_;
  Control initial_;
  Control control_;
  Journal journal_;
  std::mt19937_64 random_;
  std::set<Exchange*> hanging_;
  double start_time_;
  std::uint64_t answers_ = 0;
};

}  // namespace epp::sim
