#include "sim/server.h"

#include "sim/service.h"

#include <optional>
#include <utility>
#include <vector>

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
  explicit Impl(const ServerOptions& options) : reopen(io), signals(io, SIGINT, SIGTERM) {
    const auto first = asio::ip::make_address_v4(options.address).to_uint();
    for (unsigned i = 0; i < options.hosts; ++i) {
      hosts.push_back({.address = {asio::ip::address_v4(first + i), options.port}, .acceptor = tcp::acceptor(io)});
      hosts.back().listen();
    }
    service.emplace(io, options);
    service->on_stop_accepting = [this](std::chrono::milliseconds closed_for) {
      reopen.expires_after(closed_for);
      for (Host& host : hosts)
        host.acceptor.close();
    };
  }

  struct Host {
    tcp::endpoint address;
    tcp::acceptor acceptor;

    void listen() {
      acceptor.open(address.protocol());
      acceptor.set_option(asio::socket_base::reuse_address(true));
      acceptor.bind(address);
      acceptor.listen();
      address = acceptor.local_endpoint();
    }
  };

  asio::awaitable<void> accept(Host& host) {
    constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
    for (;;) {
      auto [error, socket] = co_await host.acceptor.async_accept(kAwait);
      if (!error) {
        asio::co_spawn(io, service->serve(std::move(socket)), asio::detached);
      } else if (!host.acceptor.is_open()) {
        co_await reopen.async_wait(kAwait);
        host.listen();
      }
    }
  }

  asio::io_context io{1};
  std::vector<Host> hosts;  // Not changed once they accept.
  asio::steady_timer reopen;
  asio::signal_set signals;
  std::optional<Service> service;
};

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Server::~Server() = default;

std::uint16_t Server::port() const {
  return impl_->hosts.front().address.port();
}

void Server::run() {
  impl_->signals.async_wait([this](boost::system::error_code, int) { impl_->io.stop(); });
  for (Impl::Host& host : impl_->hosts)
    asio::co_spawn(impl_->io, impl_->accept(host), asio::detached);
  impl_->io.run();
}

}  // namespace epp::sim
