// A bearer token in a file that somebody rotates (the kubelet does, well before the token runs out).
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

namespace epp::kube {

class TokenFile {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Reads the file; throws ConfigError when it holds no token.
  TokenFile(std::string path, std::chrono::milliseconds max_age, TimePoint now);

  // The token, read again when the copy at hand is older than max_age. A failed read keeps the old one. [any-thread]
  [[nodiscard]] std::string token(TimePoint now);
  // The server refused `token`. True when the file now has another one, which token() gives. [any-thread]
  [[nodiscard]] bool refused(std::string_view token, TimePoint now);

 private:
  bool read(TimePoint now);

  const std::string path_;
  const std::chrono::milliseconds max_age_;
  std::mutex mutex_;
  std::string token_;
  TimePoint read_at_;
};

}  // namespace epp::kube
