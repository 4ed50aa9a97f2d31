// Who may use the admin port: the API server is asked about the bearer of each request's token.
#pragma once

#include "net/http_server.h"

#include <string>
#include <string_view>

namespace epp::kube {
class AccessReviewer;
}

namespace epp::app {

// The token of an Authorization header "Bearer TOKEN"; empty for anything else.
std::string_view bearer_token(std::string_view authorization);

// `handler` behind a review of (path, method): 401 Unauthorized, 403 Authorization denied, 500 when the API server
// could not be asked. A null reviewer lets everybody through. The reviewer outlives the server.
net::HttpServer::Handler protect(kube::AccessReviewer* reviewer, net::HttpServer::Handler handler);

}  // namespace epp::app
