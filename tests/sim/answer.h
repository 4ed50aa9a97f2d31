#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace epp::sim {

// What the simulator says to a prompt: its first word is a digest of the prompt, the rest follows from it. So a client
// that knows the prompt knows the answer, and sees whether its own request was the one that was answered.
class Answer {
 public:
  explicit Answer(std::string_view prompt, std::uint32_t choice = 0);

  // Where the model would stop by itself: 16 to 47 tokens.
  std::uint32_t natural_tokens() const;

  // Text of output token `i`; one word with a blank before all but the first.
  std::string token(std::uint32_t i) const;

  // The first `n` tokens.
  std::string text(std::uint32_t n) const;

 private:
  std::uint64_t seed_;
};

}  // namespace epp::sim
