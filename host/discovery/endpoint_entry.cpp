#include "discovery/endpoint_entry.h"

#include "net/http_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>

namespace epp::discovery {
namespace {

// The canonical text of an IPv4 address, also of one mapped into IPv6.
std::optional<std::string> ipv4_of(const std::string& text) {
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return text;
  if (::inet_pton(AF_INET6, text.c_str(), &six) != 1 || !IN6_IS_ADDR_V4MAPPED(&six)) return std::nullopt;
  std::memcpy(&four, &six.s6_addr[12], sizeof four);
  std::array<char, INET_ADDRSTRLEN> canonical{};
  return ::inet_ntop(AF_INET, &four, canonical.data(), canonical.size());
}

bool is_ipv6(const std::string& text) {
  in6_addr six{};
  return ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

// RFC 1123: labels of letters, digits and inner hyphens, lower case, 253 bytes at most.
bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto dot = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, dot - begin);
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), fits)) {
      return false;
    }
    begin = dot + 1;
  }
  return true;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

const std::string* label_of(const FileEntry& entry, std::string_view key) {
  for (const auto& [name, value] : entry.labels) {
    if (name == key) return &value;
  }
  return nullptr;
}

}  // namespace

std::variant<endpoints::EndpointSpec, FileError> to_endpoint(FileEntry entry, Addresses allowed) {
  const std::string id = entry.name_space + "/" + entry.name;
  endpoints::EndpointSpec spec;
  if (auto four = ipv4_of(entry.address)) {
    spec.address = std::move(*four);
  } else if (allowed == Addresses::kIpOrDnsName && (is_ipv6(entry.address) || is_dns_name(entry.address))) {
    spec.address = entry.address;
  } else {
    return FileError{"endpoint \"" + id + "\": invalid address \"" + entry.address + "\""};
  }
  if (!is_port(entry.port)) return FileError{"endpoint \"" + id + "\": invalid port \"" + entry.port + "\""};

  if (allowed == Addresses::kIpOrDnsName) {
    const std::string* address = label_of(entry, "metricsAddress");
    const std::string* port = label_of(entry, "metricsPort");
    if (address != nullptr || port != nullptr) {
      spec.metrics_host = net::join_host_port(address ? *address : spec.address, port ? *port : entry.port);
    }
  }
  spec.name_space = std::move(entry.name_space);
  spec.name = std::move(entry.name);
  spec.workload = spec.name;
  spec.port = std::move(entry.port);
  spec.labels = std::move(entry.labels);
  return spec;
}

}  // namespace epp::discovery
