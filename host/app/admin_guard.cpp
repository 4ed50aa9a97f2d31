#include "app/admin_guard.h"

#include "app/admin_auth.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace epp::app {
namespace {

void refuse(net::HttpExchange& exchange, std::string why) {
  net::HttpResponse response;
  response.status = 403;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.body = std::move(why) + "\n";
  exchange.respond(std::move(response));
}

// Without the port; brackets go.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  const auto colon = authority.find(':');
  // More than one colon is an IPv6 address without brackets.
  return colon == authority.rfind(':') ? authority.substr(0, colon) : authority;
}

bool is_localhost(std::string_view name) {
  constexpr std::string_view kName = "localhost";
  return name.size() == kName.size() && std::equal(name.begin(), name.end(), kName.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

}  // namespace

bool is_loopback(std::string_view address) {
  const std::string text(address);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

bool names_loopback(std::string_view host) {
  const std::string_view name = host_of(host);
  return is_localhost(name) || is_loopback(name);
}

net::HttpServer::Handler guarded(AdminGuard guard, net::HttpServer::Handler handler) {
  net::HttpServer::Handler reviewed = guard.reviewer != nullptr ? protect(guard.reviewer, handler) : nullptr;
  return [guard, reviewed = std::move(reviewed),
          handler = std::move(handler)](const std::shared_ptr<net::HttpExchange>& exchange) {
    const net::Headers& headers = exchange->request().headers;
    if (headers.contains("Origin")) return refuse(*exchange, "Requests of web pages are not answered here");
    const bool local = is_loopback(exchange->peer());
    const bool meant = !headers.contains("Host") || names_loopback(headers.get("Host"));
    if ((local && meant) || guard.client_certificates) return handler(exchange);
    if (reviewed) return reviewed(exchange);
    if (local) return refuse(*exchange, "Only requests to a loopback address or to localhost are answered here");
    refuse(
        *exchange,
        "Only callers on this machine are answered here, others with a client certificate (--metrics-client-ca-file) "
        "or, in a cluster, a token that may (--metrics-endpoint-auth)");
  };
}

}  // namespace epp::app
