// The tokens of a request as producers and scorers read them.
#pragma once

#include <epp/plugin.hpp>

#include <span>
#include <string_view>

namespace epp::builtin {

// The request's tokenized prompts; declared as required, so the token producer runs before.
class TokenizedPrompt {
 public:
  explicit TokenizedPrompt(sdk::Context& context)
      : tokens_(context.require_value(EPP_KEY_TOKENIZED_PROMPT, EPP_TYPE_U32_LIST)),
        ends_(context.require_value(EPP_KEY_TOKENIZED_PROMPT_ENDS, EPP_TYPE_U32_LIST)),
        salt_(context.require_value(EPP_KEY_TOKENIZED_SALT, EPP_TYPE_STR)) {}

  // Of all prompts; empty when the request was not tokenized.
  std::span<const uint32_t> tokens(const sdk::Request& request) const { return tokens_.u32(request); }
  std::string_view cache_salt(const sdk::Request& request) const { return salt_.text(request); }

  // Calls `prompt(tokens)` for each prompt.
  template <typename Prompt>
  void for_each_prompt(const sdk::Request& request, Prompt&& prompt) const {
    const auto all = tokens(request);
    size_t begin = 0;
    for (const uint32_t end : ends_.u32(request)) {
      if (end < begin || end > all.size()) return;
      prompt(all.subspan(begin, end - begin));
      begin = end;
    }
  }

 private:
  sdk::RequestValue tokens_;
  sdk::RequestValue ends_;
  sdk::RequestValue salt_;
};

}  // namespace epp::builtin
