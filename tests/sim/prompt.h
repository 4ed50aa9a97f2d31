#pragma once

#include "sim/kv_cache.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace epp::sim {

// The simulator's tokenizer is the EPP's estimate: four bytes of prompt text are one token.
std::uint32_t count_tokens(std::string_view prompt);

// The prompt text of each request format, the bytes that the EPP's estimate tokenizer also takes. Image, audio and
// video parts count as nothing.
std::string chat_prompt(const nlohmann::json& body);       // tools, then role and content of each message.
std::string messages_prompt(const nlohmann::json& body);   // Anthropic: tools, system text, role and content.
std::string responses_prompt(const nlohmann::json& body);  // instructions, tools and input as JSON.

// The prompts of `prompt` or `input`: a string, token ids (four bytes each, little-endian) or several strings.
// Empty if the value is none of these.
std::vector<std::string> text_prompts(const nlohmann::json& value);

// The chain over the full blocks of a prompt. Prompts for different models or with different cache salts share nothing.
std::vector<BlockHash> block_chain(std::string_view prompt, std::uint32_t block_size, std::string_view model,
                                   std::string_view salt);

}  // namespace epp::sim
