#include "config/parameters.h"

#include "config/json_schema.h"
#include "config/json_text.h"
#include "config/parameter_names.h"

#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

OrderedJson parse(std::string_view text) {
  return OrderedJson::parse(text, nullptr, false);
}

bool accepts_anything(const OrderedJson& schema) {
  return (schema.is_boolean() && schema.get<bool>()) || (schema.is_object() && schema.empty());
}

}  // namespace

bool ignores_parameters(std::string_view schema) {
  return schema.empty() || accepts_anything(parse(schema));
}

std::optional<std::string> check_parameters(const std::optional<std::string>& raw, const ParameterCheck& check,
                                            Diagnostics& diagnostics) {
  if (check.schema.empty()) return raw;
  const OrderedJson schema = parse(check.schema);
  if (schema.is_discarded()) {
    diagnostics.error(std::string(check.prefix) + "the library's parameter schema is not JSON",
                      std::string(check.pointer));
    return raw;
  }
  if (accepts_anything(schema)) return raw;

  OrderedJson value = raw ? parse(*raw) : OrderedJson::object();
  if (value.is_discarded()) {
    diagnostics.error(std::string(check.prefix) + "parameters are not JSON", std::string(check.pointer), "an object");
    return raw;
  }
  if (value.is_null()) value = OrderedJson::object();
  const std::size_t before = diagnostics.error_count();
  normalise_names(value, schema, std::string(check.pointer), {schema, check.prefix, diagnostics});
  const bool unknown_names = diagnostics.error_count() != before;
  try {
    for (auto& violation : validate_schema(value, schema)) {
      // A required name that is missing is explained by the misspelt one next to it.
      if (unknown_names && violation.text.starts_with("missing required parameter")) continue;
      diagnostics.error(std::string(check.prefix) + violation.text, std::string(check.pointer) + violation.pointer,
                        std::move(violation.expected));
    }
  } catch (const std::exception& failure) {
    diagnostics.error(std::string(check.prefix) + "the library's parameter schema is unusable: " + failure.what(),
                      std::string(check.pointer));
  }
  if (!raw) return std::nullopt;
  return json_text(value);
}

std::vector<std::string> plugin_references(std::string_view schema, const std::optional<std::string>& parameters) {
  std::vector<std::string> names;
  const OrderedJson parsed_schema = parse(schema);
  if (!parsed_schema.is_object()) return names;
  OrderedJson value = parameters ? parse(*parameters) : OrderedJson::object();
  if (value.is_discarded() || value.is_null()) value = OrderedJson::object();
  collect_references(value, parsed_schema, parsed_schema, names);
  return names;
}

}  // namespace epp::config
