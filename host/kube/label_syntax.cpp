#include "kube/label_syntax.h"

#include <algorithm>
#include <cstddef>

namespace epp::kube {
namespace {

constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxPrefix = 253;

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || !is_alnum(name.front()) || !is_alnum(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

// Labels of lower-case letters, digits and inner dashes, joined by dots.
bool valid_subdomain(std::string_view text) {
  if (text.empty() || text.size() > kMaxPrefix) return false;
  while (true) {
    const auto dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || !is_lower_alnum(label.front()) || !is_lower_alnum(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return is_lower_alnum(c) || c == '-'; })) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

bool valid_label_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return valid_name(key);
  return valid_subdomain(key.substr(0, slash)) && valid_name(key.substr(slash + 1));
}

bool valid_label_value(std::string_view value) {
  return value.empty() || valid_name(value);
}

}  // namespace epp::kube
