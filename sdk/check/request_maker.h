// Requests of many shapes, from none at all to a megabyte.
#pragma once

#include "check/random.h"
#include "check/stage.h"
#include "plugins/request_context.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

enum class Shape : uint8_t {
  kEmpty,   // nothing is known
  kSmall,   // a chat message
  kTokens,  // token ids
  kMedia,   // pictures, sound, film
  kLarge,   // 1 MB of text
  kOdd,     // what a hostile client would send
};
inline constexpr Shape kShapes[] = {Shape::kEmpty, Shape::kSmall, Shape::kTokens,
                                    Shape::kMedia, Shape::kLarge, Shape::kOdd};
std::string_view to_string(Shape shape);

// A request and all that it points to. Reused: what it was before is gone when it is made anew.
class MadeRequest final : public plugins::PromptSource {
 public:
  MadeRequest() = default;
  ~MadeRequest() override { context_.reset(); }

  // `words` become header values, now and then; `number` seeds names that repeat.
  void make(Shape shape, uint64_t number, const std::vector<std::string>& words, Random& random);
  // Request-scope values of what the instance consumes.
  void fill(const plugins::Instance& instance, Values values, Random& random);
  // Ends it: state is dropped.
  void end() { context_.reset(); }

  plugins::RequestContext& context() { return context_; }
  const epp_request* abi() { return context_.abi(); }

 private:
  bool prompt(std::span<const epp_prompt_part>& parts, std::string& error) override;
  void part(uint32_t kind, std::string_view data, std::string_view aux = {}, uint32_t prompt = 0);
  void tokens(size_t count, Random& random);
  void media(Random& random);
  void headers(Values kind, const std::vector<std::string>& words, Random& random);

  plugins::RequestContext context_;
  std::string body_;
  std::deque<std::string> texts_;
  std::vector<uint32_t> ids_;
  std::vector<epp_prompt_part> parts_;
};

}  // namespace epp::check
