#include "sim/server.h"

#include "sim/service.h"

#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace epp::sim {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Server::Impl {
  explicit Impl(const ServerOptions& options)
      : address(asio::ip::address_v4::loopback(), options.port), reopen(io), signals(io, SIGINT, SIGTERM) {
    listen();
    address = acceptor->local_endpoint();
    const std::string own = address.address().to_string() + ":" + std::to_string(address.port());
    service.emplace(io, options, options.name.empty() ? own : options.name);
    service->on_stop_accepting = [this](std::chrono::milliseconds closed_for) {
      reopen.expires_after(closed_for);
      acceptor->close();
    };
  }

  void listen() {
    acceptor.emplace(io);
    acceptor->open(address.protocol());
    acceptor->set_option(asio::socket_base::reuse_address(true));
    acceptor->bind(address);
    acceptor->listen();
  }

  asio::awaitable<void> accept() {
    constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
    for (;;) {
      auto [error, socket] = co_await acceptor->async_accept(kAwait);
      if (!error) {
        asio::co_spawn(io, service->serve(std::move(socket)), asio::detached);
      } else if (!acceptor->is_open()) {
        co_await reopen.async_wait(kAwait);
        listen();
      }
    }
  }

  asio::io_context io{1};
  tcp::endpoint address;
  std::optional<tcp::acceptor> acceptor;
  asio::steady_timer reopen;
  asio::signal_set signals;
  std::optional<Service> service;
};

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Server::~Server() = default;

std::uint16_t Server::port() const {
  return impl_->address.port();
}

void Server::run() {
  impl_->signals.async_wait([this](boost::system::error_code, int) { impl_->io.stop(); });
  asio::co_spawn(impl_->io, impl_->accept(), asio::detached);
  impl_->io.run();
}

}  // namespace epp::sim
