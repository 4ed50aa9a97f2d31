#include "config/parameter_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

namespace epp::config {
namespace {

// Schemas may refer to themselves; values are at most this deep anyway.
constexpr std::size_t kMaxReferences = 16;
constexpr std::size_t kMaxSchemas = 256;

bool equal_fold(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

void gather(const OrderedJson& schema, const OrderedJson& root, std::vector<const OrderedJson*>& out) {
  const OrderedJson& resolved = resolve_schema(schema, root);
  if (!resolved.is_object() || out.size() >= kMaxSchemas) return;
  if (std::find(out.begin(), out.end(), &resolved) != out.end()) return;
  out.push_back(&resolved);
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const auto list = resolved.find(keyword);
    if (list == resolved.end() || !list->is_array()) continue;
    for (const auto& branch : *list)
      gather(branch, root, out);
  }
  for (const char* keyword : {"if", "then", "else"}) {
    if (const auto branch = resolved.find(keyword); branch != resolved.end()) gather(*branch, root, out);
  }
}

std::vector<std::string> declared_names(const std::vector<const OrderedJson*>& schemas) {
  std::vector<std::string> names;
  for (const auto* schema : schemas) {
    const auto properties = schema->find("properties");
    if (properties == schema->end() || !properties->is_object()) continue;
    for (const auto& [name, declared] : properties->items()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// The schema of members that are not declared: additionalProperties, when that is a schema.
const OrderedJson* additional_schema(const std::vector<const OrderedJson*>& schemas) {
  for (const auto* schema : schemas) {
    const auto additional = schema->find("additionalProperties");
    if (additional != schema->end() && additional->is_object()) return &*additional;
  }
  return nullptr;
}

bool is_closed(const std::vector<const OrderedJson*>& schemas) {
  return std::any_of(schemas.begin(), schemas.end(), [](const OrderedJson* schema) {
    const auto additional = schema->find("additionalProperties");
    return additional != schema->end() && additional->is_boolean() && !additional->get<bool>() &&
           !schema->contains("patternProperties");
  });
}

// The schema of element `index` of an array.
const OrderedJson* element_schema(const std::vector<const OrderedJson*>& schemas, std::size_t index) {
  for (const auto* schema : schemas) {
    const auto items = schema->find("items");
    if (items == schema->end()) continue;
    if (items->is_object()) return &*items;
    if (items->is_array() && index < items->size()) return &(*items)[index];
  }
  return nullptr;
}

bool accepts_null(const OrderedJson& schema, const OrderedJson& root) {
  for (const auto* candidate : applicable_schemas(schema, root)) {
    const auto type = candidate->find("type");
    if (type == candidate->end()) continue;
    if (*type == "null" || (type->is_array() && std::find(type->begin(), type->end(), "null") != type->end())) {
      return true;
    }
  }
  return false;
}

bool is_reference(const OrderedJson& schema) {
  const auto mark = schema.find("x-epp-plugin-reference");
  return mark != schema.end() && mark->is_boolean() && mark->get<bool>();
}

void add_names(const OrderedJson& value, std::vector<std::string>& names) {
  if (value.is_string()) {
    const auto& name = value.get_ref<const std::string&>();
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  } else if (value.is_array()) {
    for (const auto& element : value)
      add_names(element, names);
  }
}

void normalise_object(OrderedJson& value, const std::vector<const OrderedJson*>& schemas, const std::string& pointer,
                      const NameCheck& check) {
  const auto names = declared_names(schemas);
  const OrderedJson* additional = additional_schema(schemas);
  const bool closed = is_closed(schemas);
  OrderedJson result = OrderedJson::object();
  for (auto& [name, member] : value.items()) {
    auto declared = std::find(names.begin(), names.end(), name);
    if (declared == names.end()) {
      declared = std::find_if(names.begin(), names.end(), [&](const auto& known) { return equal_fold(known, name); });
    }
    const std::string at = child_pointer(pointer, name);
    const OrderedJson* schema = declared != names.end() ? find_property(schemas, *declared) : additional;
    if (declared == names.end() && additional == nullptr && closed) {
      check.diagnostics.error(std::string(check.prefix) + "json: unknown field \"" + name + "\"", at, {},
                              nearest_name(name, names));
      continue;
    }
    if (declared != names.end() && member.is_null() && !accepts_null(*schema, check.root)) continue;
    if (schema != nullptr) normalise_names(member, *schema, at, check);
    result[declared != names.end() ? *declared : name] = std::move(member);
  }
  value = std::move(result);
}

}  // namespace

const OrderedJson& resolve_schema(const OrderedJson& schema, const OrderedJson& root) {
  const OrderedJson* at = &schema;
  for (std::size_t i = 0; i < kMaxReferences && at->is_object(); ++i) {
    const auto reference = at->find("$ref");
    if (reference == at->end() || !reference->is_string()) return *at;
    const auto& target = reference->get_ref<const std::string&>();
    if (target.empty() || target.front() != '#') return *at;
    OrderedJson::json_pointer pointer;
    try {
      pointer = OrderedJson::json_pointer(target.substr(1));
    } catch (const OrderedJson::exception&) {
      return *at;
    }
    if (!root.contains(pointer)) return *at;
    at = &root.at(pointer);
  }
  return *at;
}

std::vector<const OrderedJson*> applicable_schemas(const OrderedJson& schema, const OrderedJson& root) {
  std::vector<const OrderedJson*> schemas;
  gather(schema, root, schemas);
  return schemas;
}

const OrderedJson* find_property(const std::vector<const OrderedJson*>& schemas, std::string_view name) {
  for (const auto* schema : schemas) {
    const auto properties = schema->find("properties");
    if (properties == schema->end() || !properties->is_object()) continue;
    if (const auto property = properties->find(name); property != properties->end()) return &*property;
  }
  return nullptr;
}

void normalise_names(OrderedJson& value, const OrderedJson& schema, const std::string& pointer,
                     const NameCheck& check) {
  if (!value.is_structured()) return;
  const auto schemas = applicable_schemas(schema, check.root);
  if (value.is_object()) return normalise_object(value, schemas, pointer, check);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (const auto* element = element_schema(schemas, i)) {
      normalise_names(value[i], *element, child_pointer(pointer, i), check);
    }
  }
}

void collect_references(const OrderedJson& value, const OrderedJson& schema, const OrderedJson& root,
                        std::vector<std::string>& names) {
  const auto schemas = applicable_schemas(schema, root);
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (const auto* element = element_schema(schemas, i)) collect_references(value[i], *element, root, names);
    }
    return;
  }
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) {
    const auto* property = find_property(schemas, name);
    if (property == nullptr) continue;
    if (is_reference(resolve_schema(*property, root))) {
      add_names(member, names);
    } else {
      collect_references(member, *property, root, names);
    }
  }
  // A reference that is left out may have a default.
  for (const auto& name : declared_names(schemas)) {
    const OrderedJson& property = resolve_schema(*find_property(schemas, name), root);
    if (value.contains(name) || !property.is_object() || !is_reference(property)) continue;
    if (const auto fallback = property.find("default"); fallback != property.end()) add_names(*fallback, names);
  }
}

}  // namespace epp::config
