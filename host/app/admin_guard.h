// Who may look inside and reload: /debug/* and /-/* answer this machine, and from elsewhere those who prove who they
// are.
#pragma once

#include "net/http_server.h"

#include <string_view>

namespace epp::kube {
class AccessReviewer;
}

namespace epp::app {

// 127.0.0.0/8, ::1, and the former mapped into IPv6.
bool is_loopback(std::string_view address);
// A Host header (perhaps with a port) that names this machine: a loopback address or "localhost".
bool names_loopback(std::string_view host);

struct AdminGuard {
  kube::AccessReviewer* reviewer = nullptr;  // null: nobody can be let in by a token; outlives the server
  bool client_certificates = false;          // every connection has shown one that is good
};

// `handler` for callers on loopback, for callers with a certificate, and for those whom the reviewer lets through (it
// says 401, 403 or 500 otherwise). Everybody else gets 403 with the reason. So do requests that a web page may have
// caused: with an Origin, or from loopback to a Host that is not.
net::HttpServer::Handler guarded(AdminGuard guard, net::HttpServer::Handler handler);

}  // namespace epp::app
