#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::demo {

// What came of one request.
struct Outcome {
  std::string request_id;
  std::string tenant;
  std::string endpoint;  // The name that answered; empty if none did.
  bool streamed = false;
  std::uint64_t prefix_hit_tokens = 0;
  std::uint64_t prompt_tokens = 0;
  std::string wrong;  // Why the answer is not the right one; empty if it is.
};

// A chat that grows turn by turn. All conversations of a tenant begin with the same long system prompt.
class Conversation {
 public:
  // `number` tells the conversations of a tenant apart. The objective, if any, goes with every request.
  Conversation(std::string tenant, int number, std::string objective = {});

  const std::string& tenant() const { return tenant_; }
  int turns() const { return turns_; }

  // Asks the next question through Envoy at `port`, checks the answer against what the simulator must say, and takes it
  // into the history. Never throws.
  Outcome ask(std::uint16_t port, bool stream);

 private:
  nlohmann::json next_body(bool stream) const;

  std::string tenant_;
  int number_;
  std::string objective_;
  int turns_ = 0;
  nlohmann::json messages_;
};

}  // namespace epp::demo
