#include "plugins/parameter_tree.h"

#include <epp/host/services.h>

#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

namespace epp::plugins {

using Json = nlohmann::ordered_json;

struct ParameterTree::Tree {
  Json root;

  // The value at an RFC 6901 pointer, or nullptr.
  const Json* at(std::string_view pointer) const {
    const Json* node = &root;
    while (!pointer.empty()) {
      if (pointer.front() != '/') return nullptr;
      pointer.remove_prefix(1);
      const size_t end = std::min(pointer.find('/'), pointer.size());
      node = child(*node, pointer.substr(0, end));
      if (node == nullptr) return nullptr;
      pointer.remove_prefix(end);
    }
    return node;
  }

 private:
  static const Json* child(const Json& parent, std::string_view token) {
    if (parent.is_object()) {
      const auto found = parent.find(unescape(token));
      return found != parent.end() ? &*found : nullptr;
    }
    if (!parent.is_array()) return nullptr;
    size_t index = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (error != std::errc() || end != token.data() + token.size() || index >= parent.size()) return nullptr;
    return &parent[index];
  }

  static std::string unescape(std::string_view token) {
    std::string text;
    for (size_t i = 0; i < token.size(); ++i) {
      if (token[i] == '~' && i + 1 < token.size()) {
        text += token[++i] == '1' ? '/' : '~';
      } else {
        text += token[i];
      }
    }
    return text;
  }
};

ParameterTree::ParameterTree(const std::optional<std::string>& text) : tree_(std::make_unique<Tree>()) {
  tree_->root = text ? Json::parse(*text, nullptr, false) : Json::object();
}

ParameterTree::~ParameterTree() = default;

bool ParameterTree::ok() const {
  return tree_->root.is_object();
}

uint32_t ParameterTree::kind(std::string_view pointer) const {
  const Json* node = tree_->at(pointer);
  if (node == nullptr || node->is_null()) return EPP_JSON_ABSENT;
  if (node->is_boolean()) return EPP_JSON_BOOL;
  if (node->is_number()) return EPP_JSON_NUMBER;
  if (node->is_string()) return EPP_JSON_STRING;
  return node->is_array() ? EPP_JSON_ARRAY : EPP_JSON_OBJECT;
}

bool ParameterTree::boolean(std::string_view pointer) const {
  const Json* node = tree_->at(pointer);
  return node != nullptr && node->is_boolean() && node->get<bool>();
}

double ParameterTree::number(std::string_view pointer) const {
  const Json* node = tree_->at(pointer);
  if (node == nullptr || !node->is_number()) return std::numeric_limits<double>::quiet_NaN();
  return node->get<double>();
}

const std::string* ParameterTree::string(std::string_view pointer) const {
  const Json* node = tree_->at(pointer);
  return node != nullptr ? node->get_ptr<const std::string*>() : nullptr;
}

uint64_t ParameterTree::count(std::string_view pointer) const {
  const Json* node = tree_->at(pointer);
  return node != nullptr && node->is_structured() ? node->size() : 0;
}

const std::string* ParameterTree::key(std::string_view pointer, uint64_t i) const {
  const Json* node = tree_->at(pointer);
  if (node == nullptr || !node->is_object() || i >= node->size()) return nullptr;
  return &std::next(node->begin(), static_cast<std::ptrdiff_t>(i)).key();
}

}  // namespace epp::plugins
