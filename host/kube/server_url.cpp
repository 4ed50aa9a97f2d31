#include "kube/server_url.h"

#include "net/http_message.h"

#include <algorithm>

namespace epp::kube {
namespace {

// "host", "host:port", "[v6]", "[v6]:port"
std::optional<net::HostPort> split_authority(std::string_view authority, std::string_view default_port) {
  const bool bracketed = authority.starts_with('[');
  const bool has_port = bracketed ? !authority.ends_with(']') : authority.find(':') != std::string_view::npos;
  std::string whole(authority);
  if (!has_port) whole.append(":").append(default_port);
  return net::split_host_port(whole);
}

}  // namespace

std::optional<ServerUrl> parse_server_url(std::string_view text) {
  ServerUrl url;
  if (text.starts_with("https://")) {
    url.origin.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  if (text.find_first_of("@?#\\") != std::string_view::npos) return std::nullopt;
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c == 0x7f; })) return std::nullopt;
  const auto slash = std::min(text.find('/'), text.size());
  auto authority = split_authority(text.substr(0, slash), url.origin.tls ? "443" : "80");
  if (!authority) return std::nullopt;
  url.origin.host = std::move(authority->host);
  url.origin.port = std::move(authority->port);
  url.base_path = std::string(text.substr(slash));
  while (url.base_path.ends_with('/'))
    url.base_path.pop_back();
  return url;
}

}  // namespace epp::kube
