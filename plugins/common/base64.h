// Standard base64 with padding, for short texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::builtin {

inline constexpr std::string_view kBase64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    for (size_t j = 0; j < 3; ++j)
      group = (group << 8) | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      out += j <= count ? kBase64Alphabet[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return out;
}

// nullopt for anything that base64_encode would not write.
inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < text.size(); i += 4) {
    uint32_t group = 0;
    size_t padding = 0;
    for (size_t j = 0; j < 4; ++j) {
      const char c = text[i + j];
      const size_t digit = kBase64Alphabet.find(c);
      if (c == '=' && i + 4 == text.size() && j >= 2) {
        ++padding;
        group <<= 6;
      } else if (digit == std::string_view::npos || padding != 0) {
        return std::nullopt;
      } else {
        group = (group << 6) | static_cast<uint32_t>(digit);
      }
    }
    for (size_t j = 0; j < 3 - padding; ++j)
      out += static_cast<char>((group >> (16 - 8 * j)) & 255);
  }
  return out;
}

}  // namespace epp::builtin
