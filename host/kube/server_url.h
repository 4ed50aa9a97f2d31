// The `server` of a kubeconfig: http(s)://host[:port][/path].
#pragma once

#include "net/http_client.h"

#include <optional>
#include <string>
#include <string_view>

namespace epp::kube {

struct ServerUrl {
  net::Origin origin;
  std::string base_path;  // without a trailing '/'
};

// nullopt for anything else: another scheme, user information, a query, a port beyond 65535.
[[nodiscard]] std::optional<ServerUrl> parse_server_url(std::string_view text);

}  // namespace epp::kube
