#include "net/http_message.h"

#include <algorithm>
#include <charconv>

namespace epp::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

// Letters, digits and `plain` stay.
std::string escape(std::string_view text, std::string_view plain) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        plain.find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += '%';
      escaped += kHex[byte >> 4];
      escaped += kHex[byte & 15];
    }
  }
  return escaped;
}

}  // namespace

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return same_name(field.first, name); });
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (same_name(key, name)) return value;
  }
  return {};
}

bool Headers::contains(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) { return same_name(field.first, name); });
}

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view HttpRequest::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string_view to_string(NetError error) {
  switch (error) {
    case NetError::kNone:
      return "ok";
    case NetError::kInvalidRequest:
      return "invalid request";
    case NetError::kResolve:
      return "name resolution failed";
    case NetError::kConnect:
      return "connection failed";
    case NetError::kTls:
      return "TLS failed";
    case NetError::kTimeout:
      return "deadline exceeded";
    case NetError::kCancelled:
      return "cancelled";
    case NetError::kClosed:
      return "connection closed";
    case NetError::kMalformed:
      return "malformed response";
    case NetError::kBodyTooLarge:
      return "body too large";
    case NetError::kTooManyRedirects:
      return "too many redirects";
    case NetError::kIo:
      return "I/O error";
  }
  return "unknown";
}

std::string join_host_port(std::string_view host, std::string_view port) {
  std::string joined;
  joined.reserve(host.size() + port.size() + 3);
  const bool ipv6 = host.find(':') != std::string_view::npos;
  if (ipv6) joined += '[';
  joined += host;
  if (ipv6) joined += ']';
  joined += ':';
  joined += port;
  return joined;
}

std::optional<HostPort> split_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  if (host.empty() || host.find_first_of("[]") != std::string_view::npos) return std::nullopt;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535) return std::nullopt;
  return HostPort{std::string(host), std::string(port)};
}

std::string escape_path(std::string_view path) {
  return escape(path, "-._~!$&'()*+,;=:@/");
}

std::string escape_query(std::string_view value) {
  return escape(value, "-._~");
}

std::string serialise(const HttpRequest& request, std::string_view host, std::string_view user_agent) {
  std::string wire;
  wire.reserve(256 + request.body.size());
  const auto line = [&](std::string_view name, std::string_view value) {
    wire.append(name).append(": ").append(value).append("\r\n");
  };
  wire.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  if (!request.headers.contains("host")) line("Host", host);
  if (!request.headers.contains("user-agent")) line("User-Agent", user_agent);
  if ((!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") &&
      !request.headers.contains("content-length")) {
    line("Content-Length", std::to_string(request.body.size()));
  }
  for (const auto& [name, value] : request.headers)
    line(name, value);
  wire.append("\r\n").append(request.body);
  return wire;
}

}  // namespace epp::net
