#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace epp::sim {

// One inference request as it arrived.
struct SeenRequest {
  std::string path;
  std::map<std::string, std::string> headers = {};  // Lower-case names.
  std::string body = {};                            // Its first 64 KiB.
  std::size_t body_bytes = 0;
};

// What the server remembers for GET /sim/stats: counts since the start and the last requests.
class Journal {
 public:
  static constexpr std::size_t kMaxSeen = 64;
  static constexpr std::size_t kMaxBodyBytes = 65536;

  void saw(SeenRequest request, const std::string& model) {
    ++by_path[request.path];
    if (!model.empty()) ++by_model[model];
    seen.push_back(std::move(request));
    if (seen.size() > kMaxSeen) seen.pop_front();
  }

  std::map<std::string, std::uint64_t> by_path;
  std::map<std::string, std::uint64_t> by_model;
  std::map<std::string, std::uint64_t> finished = {{"abort", 0}, {"length", 0}, {"stop", 0}};  // Choices, by reason.
  std::uint64_t failed = 0;  // Requests answered with an error.
  std::deque<SeenRequest> seen;
};

}  // namespace epp::sim
