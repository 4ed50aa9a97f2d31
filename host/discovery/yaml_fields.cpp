#include "discovery/yaml_fields.h"

#include "config/yaml_scalar.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

namespace epp::discovery {
namespace {

// What a scalar means: plain ones by their look, quoted ones are strings. nullopt: not a scalar, or tagged otherwise.
std::optional<config::Scalar> scalar_of(const YAML::Node& node) {
  if (node.IsNull()) return config::Scalar();
  if (!node.IsScalar()) return std::nullopt;
  const std::string& tag = node.Tag();
  if (tag == "?" || tag.empty()) return config::resolve_plain_scalar(node.Scalar());
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return config::Scalar(node.Scalar());
  return std::nullopt;
}

std::string shown(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  constexpr std::size_t kMost = 40;
  const std::string& text = node.Scalar();
  return "\"" + (text.size() > kMost ? text.substr(0, kMost) + "..." : text) + "\"";
}

[[noreturn]] void expected(const YAML::Node& node, const std::string& field, const char* what) {
  throw FieldError{where(node) + "field " + field + ": expected " + what + ", got " + shown(node)};
}

}  // namespace

std::string where(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? std::string() : "line " + std::to_string(mark.line + 1) + ": ";
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string> string_of(const YAML::Node& node, const std::string& field) {
  if (!node.IsNull() && !node.IsScalar())
    throw FieldError{where(node) + "cannot use a list or map as field " + field + " of type string"};
  auto value = scalar_of(node);
  if (!value)
    throw FieldError{where(node) + "cannot use a value tagged " + node.Tag() + " as field " + field +
                     " of type string"};
  if (auto* text = std::get_if<std::string>(&*value)) return std::move(*text);
  if (std::holds_alternative<std::monostate>(*value)) return std::nullopt;
  const char* kind = std::holds_alternative<bool>(*value) ? "bool" : "number";
  throw FieldError{where(node) + "cannot unmarshal " + kind + " into field " + field + " of type string: write \"" +
                   node.Scalar() + "\" in quotes"};
}

std::optional<std::int32_t> int32_of(const YAML::Node& node, const std::string& field) {
  const auto value = scalar_of(node);
  if (value && std::holds_alternative<std::monostate>(*value)) return std::nullopt;
  using Limits = std::numeric_limits<std::int32_t>;
  const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  if (number == nullptr || *number < Limits::min() || *number > Limits::max())
    expected(node, field, "an integer from -2147483648 to 2147483647");
  return static_cast<std::int32_t>(*number);
}

std::optional<double> positive_number_of(const YAML::Node& node, const std::string& field) {
  const auto value = scalar_of(node);
  if (value && std::holds_alternative<std::monostate>(*value)) return std::nullopt;
  double number = 0;  // of what is no number at all
  if (value) {
    if (const auto* whole = std::get_if<std::int64_t>(&*value)) number = static_cast<double>(*whole);
    if (const auto* large = std::get_if<std::uint64_t>(&*value)) number = static_cast<double>(*large);
    if (const auto* real = std::get_if<double>(&*value)) number = *real;
  }
  if (!(number > 0) || !std::isfinite(number)) expected(node, field, "a number above 0");
  return number;
}

}  // namespace epp::discovery
