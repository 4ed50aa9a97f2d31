#include "sim/prompt.h"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <xxhash.h>

namespace epp::sim {
namespace {

using nlohmann::json;

constexpr std::size_t kBytesPerToken = 4;

std::string field(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string tools_text(const json& body) {
  const auto tools = body.find("tools");
  return tools != body.end() && tools->is_array() && !tools->empty() ? tools->dump() : std::string();
}

// A string, or the text of its parts.
std::string content_text(const json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const json& part : content) {
    if (!part.is_object()) continue;
    text += field(part, "text");
    text += field(part, "thinking");
    if (part.contains("content")) text += content_text(part["content"]);
  }
  return text;
}

std::string conversation_text(const json& body) {
  std::string text;
  for (const json& message : body.value("messages", json::array())) {
    if (!message.is_object()) continue;
    text += field(message, "role");
    if (message.contains("content")) text += content_text(message["content"]);
  }
  return text;
}

std::string token_bytes(const json& ids) {
  std::string bytes;
  bytes.reserve(ids.size() * kBytesPerToken);
  for (const json& id : ids) {
    const auto value = id.get<std::uint32_t>();
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<char>(value >> shift & 0xFFU));
  }
  return bytes;
}

}  // namespace

std::uint32_t count_tokens(std::string_view prompt) {
  return static_cast<std::uint32_t>((prompt.size() + kBytesPerToken - 1) / kBytesPerToken);
}

std::string chat_prompt(const json& body) {
  return tools_text(body) + conversation_text(body);
}

std::string messages_prompt(const json& body) {
  const auto system = body.find("system");
  return tools_text(body) + (system == body.end() ? std::string() : content_text(*system)) + conversation_text(body);
}

std::string responses_prompt(const json& body) {
  json parts = json::array();
  for (const char* name : {"instructions", "tools", "input"}) {
    if (const auto it = body.find(name); it != body.end() && !it->is_null()) parts.push_back({{name, *it}});
  }
  return parts.dump();
}

std::vector<std::string> text_prompts(const json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array() || value.empty()) return {};
  if (std::ranges::all_of(value, [](const json& id) { return id.is_number_unsigned(); })) return {token_bytes(value)};
  std::vector<std::string> prompts;
  for (const json& prompt : value) {
    if (!prompt.is_string()) return {};
    prompts.push_back(prompt.get<std::string>());
  }
  return prompts;
}

std::vector<BlockHash> block_chain(std::string_view prompt, std::uint32_t block_size, std::string_view model,
                                   std::string_view salt) {
  const std::size_t block_bytes = std::size_t{block_size} * kBytesPerToken;
  std::vector<BlockHash> chain;
  chain.reserve(prompt.size() / block_bytes);
  BlockHash previous = XXH64(salt.data(), salt.size(), XXH64(model.data(), model.size(), 0));
  for (std::size_t at = 0; at + block_bytes <= prompt.size(); at += block_bytes) {
    previous = XXH64(prompt.data() + at, block_bytes, previous);
    chain.push_back(previous);
  }
  return chain;
}

}  // namespace epp::sim
