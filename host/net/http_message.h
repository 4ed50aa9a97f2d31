// HTTP messages as plain values, and the errors an exchange can end with.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::net {

// Header fields in wire order. Names compare without regard to ASCII case; a name may occur several times.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // Replaces every field of that name by this one.
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  // The first field of that name; empty when absent (use contains to tell absent from empty).
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const;

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  // origin form: path and optional query, already escaped
  Headers headers;
  std::string body;

  // The part of target before '?'.
  [[nodiscard]] std::string_view path() const;
  // The part after '?', or empty.
  [[nodiscard]] std::string_view query() const;
};

// As it stands on the wire. Host, User-Agent and, where it is due, Content-Length are added if they are missing.
[[nodiscard]] std::string serialise(const HttpRequest& request, std::string_view host, std::string_view user_agent);

struct HttpResponse {
  unsigned status = 200;
  Headers headers;
  std::string body;
};

enum class NetError : std::uint8_t {
  kNone,
  kInvalidRequest,  // a method, target or header that cannot be put on the wire
  kResolve,
  kConnect,
  kTls,
  kTimeout,
  kCancelled,
  kClosed,        // the peer closed before the response was complete
  kMalformed,     // not HTTP/1.x
  kBodyTooLarge,  // more than the caller's limit
  kTooManyRedirects,
  kIo,
};

[[nodiscard]] std::string_view to_string(NetError error);

// Joins an address and a port, putting IPv6 literals in brackets: "10.0.0.1:80", "[::1]:80", "host:80".
[[nodiscard]] std::string join_host_port(std::string_view host, std::string_view port);

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};
// The inverse; nullopt when there is no port, the port is not 1..65535, or brackets do not match.
[[nodiscard]] std::optional<HostPort> split_host_port(std::string_view text);

// Percent-escapes what may not stand in a path (RFC 3986 pchar and '/' stay); '?' and '#' are escaped too.
[[nodiscard]] std::string escape_path(std::string_view path);
// Percent-escapes a value for a query string: all but RFC 3986 unreserved characters.
[[nodiscard]] std::string escape_query(std::string_view value);

}  // namespace epp::net
