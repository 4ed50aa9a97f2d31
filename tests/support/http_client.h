#pragma once

#include "support/wait.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace epp::testing {

// Names are lower-case.
using HttpHeaders = std::map<std::string, std::string>;

struct HttpRequest {
  std::string method = "GET";
  std::string path = "/";
  HttpHeaders headers = {};
  std::string body = {};
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;

  // Empty if absent.
  std::string header(const std::string& name) const;
};

// One blocking HTTP/1.1 exchange with 127.0.0.1, on a connection of its own. Every function throws std::runtime_error
// when the connection fails or `patience` has passed. Destroying it closes the connection, whatever is still to come.
class HttpExchange {
 public:
  HttpExchange(std::uint16_t port, const HttpRequest& request, std::chrono::milliseconds patience = kPatience);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // Waits for status and headers; the body stays to be read.
  const HttpResponse& head();

  // The next piece of the body as it arrives; nothing at its end.
  std::optional<std::string> read();

 private:
  bool fill();
  std::string line();
  std::string take(std::size_t most);
  std::optional<std::string> read_chunk();

  int fd_ = -1;
  Clock::time_point deadline_;
  std::string buffer_;
  HttpResponse response_;
  bool has_head_ = false;
  bool chunked_ = false;
  std::optional<std::size_t> left_;  // Of the body or the chunk; nothing: until the connection closes.
  bool ended_ = false;
};

// Sends the request and reads the whole answer.
HttpResponse http(std::uint16_t port, const HttpRequest& request, std::chrono::milliseconds patience = kPatience);
HttpResponse http_get(std::uint16_t port, const std::string& path);
HttpResponse http_post(std::uint16_t port, const std::string& path, const std::string& json, HttpHeaders headers = {});

}  // namespace epp::testing
