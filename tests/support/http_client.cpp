#include "support/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::testing {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string request_bytes(std::uint16_t port, const HttpRequest& request) {
  std::string bytes = request.method + " " + request.path + " HTTP/1.1\r\n";
  HttpHeaders headers = request.headers;
  headers.try_emplace("host", "127.0.0.1:" + std::to_string(port));
  headers.try_emplace("connection", "close");
  if (!request.body.empty()) headers["content-length"] = std::to_string(request.body.size());
  for (const auto& [name, value] : headers)
    bytes += name + ": " + value + "\r\n";
  return bytes + "\r\n" + request.body;
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string() : it->second;
}

HttpExchange::HttpExchange(std::uint16_t port, const HttpRequest& request, std::chrono::milliseconds patience)
    : deadline_(Clock::now() + patience) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd_);
    throw std::runtime_error("nobody listens on port " + std::to_string(port));
  }
  const std::string bytes = request_bytes(port, request);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t size = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size < 0) break;  // The server may have answered before it read everything.
    sent += static_cast<std::size_t>(size);
  }
}

HttpExchange::~HttpExchange() {
  close(fd_);
}

const HttpResponse& HttpExchange::head() {
  if (has_head_) return response_;
  const std::string status_line = line();
  if (!status_line.starts_with("HTTP/1.1 ")) throw std::runtime_error("not an HTTP response: " + status_line);
  response_.status = std::stoi(status_line.substr(9));
  for (std::string field = line(); !field.empty(); field = line()) {
    const std::size_t colon = field.find(':');
    const std::size_t value = field.find_first_not_of(' ', colon + 1);
    response_.headers[lower(field.substr(0, colon))] = value == std::string::npos ? "" : field.substr(value);
  }
  has_head_ = true;
  chunked_ = response_.header("transfer-encoding") == "chunked";
  if (const std::string length = response_.header("content-length"); !length.empty()) left_ = std::stoul(length);
  if (response_.status == 204 || response_.status == 304) left_ = 0;
  return response_;
}

std::optional<std::string> HttpExchange::read() {
  head();
  if (ended_) return std::nullopt;
  if (chunked_) return read_chunk();
  if (left_ == 0U || (buffer_.empty() && !fill())) {
    if (left_.value_or(0) > 0) throw std::runtime_error("the body ends too early");
    ended_ = true;
    return std::nullopt;
  }
  return take(left_.value_or(buffer_.size()));
}

std::optional<std::string> HttpExchange::read_chunk() {
  if (left_.value_or(0) == 0) {
    left_ = std::stoul(line(), nullptr, 16);
    if (left_ == 0U) {
      while (!line().empty()) {
      }
      ended_ = true;
      return std::nullopt;
    }
  }
  if (buffer_.empty() && !fill()) throw std::runtime_error("the body ends within a chunk");
  std::string piece = take(*left_);
  if (left_ == 0U) line();
  return piece;
}

std::string HttpExchange::take(std::size_t most) {
  std::string piece = buffer_.substr(0, most);
  buffer_.erase(0, piece.size());
  if (left_) *left_ -= piece.size();
  return piece;
}

// False at the end of the connection.
bool HttpExchange::fill() {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
  pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
  if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) {
    throw std::runtime_error("no answer in time");
  }
  std::array<char, 16384> bytes;
  const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
  if (size < 0) throw std::runtime_error("the connection was reset");
  buffer_.append(bytes.data(), static_cast<std::size_t>(size));
  return size > 0;
}

std::string HttpExchange::line() {
  std::size_t end;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!fill()) throw std::runtime_error("the connection was closed within the response");
  }
  std::string text = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return text;
}

HttpResponse http(std::uint16_t port, const HttpRequest& request, std::chrono::milliseconds patience) {
  HttpExchange exchange(port, request, patience);
  HttpResponse response = exchange.head();
  while (const auto piece = exchange.read())
    response.body += *piece;
  return response;
}

HttpResponse http_get(std::uint16_t port, const std::string& path) {
  return http(port, {.path = path});
}

HttpResponse http_post(std::uint16_t port, const std::string& path, const std::string& json, HttpHeaders headers) {
  headers.try_emplace("content-type", "application/json");
  return http(port, {.method = "POST", .path = path, .headers = std::move(headers), .body = json});
}

}  // namespace epp::testing
