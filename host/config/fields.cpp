#include "config/fields.h"

#include "config/go_duration.h"
#include "config/json_text.h"
#include "config/quantity.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace epp::config {
namespace {

std::string kind_of(const Fields::Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_number()) return "number";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return "null";
}

}  // namespace

Where Where::field(std::string_view name) const {
  const std::string dot = dotted.empty() ? "" : ".";
  return {child_pointer(pointer, name), indexed + dot + std::string(name), dotted + dot + std::string(name)};
}

Where Where::element(std::size_t index) const {
  return {child_pointer(pointer, index), indexed + "[" + std::to_string(index) + "]", dotted};
}

Fields::Fields(const Json& object, Where where, std::string_view type, std::string_view prefix,
               Diagnostics& diagnostics)
    : object_(object), where_(std::move(where)), type_(type), prefix_(prefix), diagnostics_(diagnostics) {}

bool Fields::has(std::string_view name) const {
  if (!object_.is_object()) return false;
  const auto it = object_.find(name);
  return it != object_.end() && !it->is_null();
}

const Fields::Json* Fields::take(std::string_view name) {
  known_.emplace_back(name);
  if (!object_.is_object()) return nullptr;
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

void Fields::wrong_type(const Json& value, const Where& at, std::string_view go_type, std::string expected,
                        bool with_number) {
  std::string found = kind_of(value);
  if (with_number && value.is_number()) found += " " + json_text(value);
  diagnostics_.error(std::string(prefix_) + "json: cannot unmarshal " + found + " into Go struct field " +
                         std::string(type_) + "." + at.dotted + " of type " + std::string(go_type),
                     at.pointer, std::move(expected));
}

bool Fields::expect_object(const Json& value, const Where& at, std::string_view type) {
  if (value.is_object()) return true;
  wrong_type(value, at, "v1alpha1." + std::string(type), "an object");
  return false;
}

bool Fields::expect_list(const Json& value, std::string_view name, std::string_view type) {
  if (value.is_array()) return true;
  wrong_type(value, where_.field(name), "[]v1alpha1." + std::string(type), "a list of objects");
  return false;
}

bool Fields::text(std::string_view name, std::string& out) {
  const Json* value = take(name);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    wrong_type(*value, where_.field(name), "string", "a string");
    return false;
  }
  out = value->get<std::string>();
  return true;
}

bool Fields::texts(std::string_view name, std::vector<std::string>& out) {
  const Json* value = take(name);
  if (value == nullptr) return false;
  const Where at = where_.field(name);
  if (!value->is_array()) {
    wrong_type(*value, at, "[]string", "a list of strings");
    return false;
  }
  bool good = true;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const Json& element = (*value)[i];
    if (element.is_null()) {
      out.emplace_back();
    } else if (element.is_string()) {
      out.push_back(element.get<std::string>());
    } else {
      wrong_type(element, at.element(i), "string", "a string");
      good = false;
    }
  }
  return good;
}

bool Fields::boolean(std::string_view name, bool& out) {
  const Json* value = take(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    wrong_type(*value, where_.field(name), "bool", "true or false");
    return false;
  }
  out = value->get<bool>();
  return true;
}

bool Fields::number(std::string_view name, std::optional<double>& out) {
  const Json* value = take(name);
  if (value == nullptr) return false;
  if (!value->is_number()) {
    wrong_type(*value, where_.field(name), "float64", "a number");
    return false;
  }
  out = value->get<double>();
  return true;
}

bool Fields::integer(std::string_view name, std::int64_t& out) {
  const Json* value = take(name);
  if (value == nullptr) return false;
  const bool too_large = value->is_number_unsigned() &&
                         value->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (!value->is_number_integer() || too_large) {
    wrong_type(*value, where_.field(name), "int", "an integer", true);
    return false;
  }
  out = value->get<std::int64_t>();
  return true;
}

bool Fields::quantity(std::string_view name, std::int64_t& out) {
  const Json* value = take(name);
  if (value == nullptr) return false;
  const auto parsed = parse_quantity(value->is_string() ? value->get<std::string>() : json_text(*value));
  if (const auto* failure = std::get_if<QuantityError>(&parsed)) {
    error(name, failure->text, "a quantity such as 1024, \"1Gi\" or \"500M\"");
    return false;
  }
  out = std::get<Quantity>(parsed).value;
  return true;
}

bool Fields::duration(std::string_view name, std::chrono::nanoseconds& out) {
  static constexpr std::string_view kExpected = "a duration such as \"60s\" or \"1m30s\"";
  const Json* value = take(name);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    wrong_type(*value, where_.field(name), "string", std::string(kExpected));
    return false;
  }
  const auto parsed = parse_duration(value->get_ref<const std::string&>());
  if (const auto* failure = std::get_if<DurationError>(&parsed)) {
    error(name, failure->text, std::string(kExpected));
    return false;
  }
  out = std::get<std::chrono::nanoseconds>(parsed);
  return true;
}

bool Fields::raw(std::string_view name, std::optional<std::string>& out) {
  take(name);
  if (!object_.is_object()) return false;
  const auto it = object_.find(name);
  if (it == object_.end()) return false;
  out = json_text(*it);
  return true;
}

bool Fields::plugin_ref(std::string_view name, PluginRef& out) {
  return object(name, "PluginRef", [&out](Fields& fields) { fields.own_plugin_ref(out); });
}

void Fields::own_plugin_ref(PluginRef& out) {
  text("pluginRef", out.name);
  out.pointer = has("pluginRef") ? where_.field("pluginRef").pointer : where_.pointer;
}

void Fields::error(std::string_view name, const std::string& text, std::string expected) {
  diagnostics_.error(std::string(prefix_) + text, where_.field(name).pointer, std::move(expected));
}

void Fields::finish() {
  if (!object_.is_object()) return;
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const Where at = where_.field(name);
    diagnostics_.error(std::string(prefix_) + "strict decoding error: unknown field \"" + at.indexed + "\"", at.pointer,
                       {}, nearest_name(name, known_));
  }
}

}  // namespace epp::config
