#include "discovery/static_list.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <netdb.h>

namespace epp::discovery {
namespace {

bool is_ip(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

std::string resolve(const std::string& host) {
  if (is_ip(host)) return host;
  for (const int family : {AF_INET, AF_INET6}) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
      return text.data();
    }
  }
  throw UnknownHost("endpoint host \"" + host + "\" cannot be resolved");
}

}  // namespace

std::vector<endpoints::EndpointSpec> static_endpoints(const std::vector<config::StaticEndpoint>& given) {
  std::vector<endpoints::EndpointSpec> specs;
  specs.reserve(given.size());
  for (const auto& endpoint : given) {
    endpoints::EndpointSpec spec;
    spec.name = endpoint.name;
    spec.workload = endpoint.name;
    spec.address = resolve(endpoint.host);
    spec.port = std::to_string(endpoint.port);
    spec.labels = endpoint.labels;
    std::sort(spec.labels.begin(), spec.labels.end());
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace epp::discovery
