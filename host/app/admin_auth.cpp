#include "app/admin_auth.h"

#include "kube/access/access_reviewer.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace epp::app {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

net::HttpResponse refusal(unsigned status, std::string text) {
  net::HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.body = std::move(text) + "\n";
  return response;
}

net::HttpResponse refusal_of(const kube::ReviewAnswer& answer) {
  switch (answer.verdict) {
    case kube::Verdict::kUnauthenticated:
      return refusal(401, "Unauthorized");
    case kube::Verdict::kDenied:
      return refusal(403, "Authorization denied for user " + answer.user);
    case kube::Verdict::kAuthorizationFailed:
      return refusal(500, "Authorization for user " + answer.user + " failed");
    case kube::Verdict::kAllowed:
    case kube::Verdict::kAuthenticationFailed:
      break;
  }
  return refusal(500, "Authentication failed");
}

}  // namespace

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() || lower(authorization.substr(0, kScheme.size())) != kScheme) return {};
  std::string_view token = authorization.substr(kScheme.size());
  while (token.starts_with(' '))
    token.remove_prefix(1);
  while (token.ends_with(' '))
    token.remove_suffix(1);
  return token.find(' ') == std::string_view::npos ? token : std::string_view();
}

net::HttpServer::Handler protect(kube::AccessReviewer* reviewer, net::HttpServer::Handler handler) {
  if (reviewer == nullptr) return handler;
  return [reviewer, handler = std::move(handler)](const std::shared_ptr<net::HttpExchange>& exchange) {
    const net::HttpRequest& request = exchange->request();
    reviewer->review(bearer_token(request.headers.get("Authorization")), request.path(), lower(request.method),
                     [exchange, handler](const kube::ReviewAnswer& answer) {
                       if (answer.verdict == kube::Verdict::kAllowed) {
                         handler(exchange);
                       } else {
                         exchange->respond(refusal_of(answer));
                       }
                     });
  };
}

}  // namespace epp::app
