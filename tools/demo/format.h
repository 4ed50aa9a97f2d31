#pragma once

#include <cstdio>
#include <string>

namespace epp::demo {

// As printf, into a string.
std::string format(const char* pattern, auto... values) {
  const int size = std::snprintf(nullptr, 0, pattern, values...);
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), pattern, values...);
  text.pop_back();
  return text;
}

}  // namespace epp::demo
