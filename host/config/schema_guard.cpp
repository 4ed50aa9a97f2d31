#include "config/schema_guard.h"

#include "config/diagnostics.h"

#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

// Depth-first search along the keywords that apply another schema to the same value.
class ReferenceWalk {
 public:
  explicit ReferenceWalk(const Json& root) : root_(root) {}

  void visit_all(const Json& node) {
    if (node.is_object()) visit(node);
    for (const auto& child : node) {
      if (child.is_structured()) visit_all(child);
    }
  }

 private:
  void visit(const Json& schema) {
    if (!schema.is_object()) return;
    const auto [mark, fresh] = finished_.try_emplace(&schema, false);
    if (!fresh) {
      if (!mark->second) throw std::runtime_error("it refers to itself without end");
      return;
    }
    if (const auto reference = schema.find("$ref"); reference != schema.end() && reference->is_string()) {
      if (const Json* target = resolve(reference->get_ref<const std::string&>())) visit(*target);
    } else {
      for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
        const auto list = schema.find(keyword);
        if (list == schema.end() || !list->is_array()) continue;
        for (const auto& branch : *list)
          visit(branch);
      }
      for (const char* keyword : {"not", "if", "then", "else"}) {
        if (const auto branch = schema.find(keyword); branch != schema.end()) visit(*branch);
      }
    }
    finished_[&schema] = true;
  }

  const Json* resolve(const std::string& reference) const {
    if (!reference.starts_with('#')) return nullptr;
    try {
      const Json::json_pointer pointer(reference.substr(1));
      return root_.contains(pointer) ? &root_.at(pointer) : nullptr;
    } catch (const Json::exception&) {
      return nullptr;
    }
  }

  const Json& root_;
  std::unordered_map<const Json*, bool> finished_;
};

bool has_pattern(const Json& schema) {
  if (schema.is_object() && (schema.contains("pattern") || schema.contains("patternProperties"))) return true;
  if (!schema.is_structured()) return false;
  for (const auto& child : schema) {
    if (has_pattern(child)) return true;
  }
  return false;
}

std::optional<SchemaViolation> overlong(const std::string& text, const std::string& pointer) {
  if (text.size() <= kLongestMatchedText) return std::nullopt;
  return SchemaViolation{pointer, "text of " + std::to_string(text.size()) + " bytes",
                         "at most " + std::to_string(kLongestMatchedText) + " bytes"};
}

std::optional<SchemaViolation> find_overlong(const Json& value, const std::string& pointer) {
  if (value.is_string()) return overlong(value.get_ref<const std::string&>(), pointer);
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      if (auto found = overlong(name, pointer)) return found;
      if (auto found = find_overlong(member, child_pointer(pointer, name))) return found;
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto found = find_overlong(value[i], child_pointer(pointer, i))) return found;
    }
  }
  return std::nullopt;
}

}  // namespace

void refuse_endless_references(const Json& schema) {
  ReferenceWalk(schema).visit_all(schema);
}

std::optional<SchemaViolation> find_overlong_text(const Json& value, const Json& schema) {
  return has_pattern(schema) ? find_overlong(value, {}) : std::nullopt;
}

}  // namespace epp::config
