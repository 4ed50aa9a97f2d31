#include "config/json_schema.h"

#include "config/diagnostics.h"
#include "config/json_text.h"
#include "config/parameter_names.h"
#include "config/schema_guard.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

// Else it ends the process when a schema cannot be used.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace epp::config {
namespace {

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (const auto& part : parts) {
    if (!joined.empty()) joined += separator;
    joined += part;
  }
  return joined;
}

std::string describe_type(const std::string& type) {
  if (type == "integer") return "an integer";
  if (type == "number") return "a number";
  if (type == "string") return "a string";
  if (type == "boolean") return "true or false";
  if (type == "object") return "an object";
  if (type == "array") return "a list";
  return type;
}

// What a schema asks for, in one phrase.
std::string describe(const OrderedJson& schema) {
  std::vector<std::string> parts;
  if (const auto values = schema.find("enum"); values != schema.end() && values->is_array()) {
    std::vector<std::string> texts;
    for (const auto& value : *values)
      texts.push_back(json_text(value));
    return "one of " + join(texts, ", ");
  }
  if (const auto value = schema.find("const"); value != schema.end()) return json_text(*value);
  if (const auto type = schema.find("type"); type != schema.end()) {
    if (type->is_string()) {
      parts.push_back(describe_type(type->get<std::string>()));
    } else if (type->is_array()) {
      std::vector<std::string> types;
      for (const auto& one : *type) {
        if (one.is_string()) types.push_back(describe_type(one.get<std::string>()));
      }
      parts.push_back(join(types, " or "));
    }
  }
  const std::pair<const char*, const char*> kLimits[] = {{"minimum", "at least "},
                                                         {"exclusiveMinimum", "more than "},
                                                         {"maximum", "at most "},
                                                         {"exclusiveMaximum", "less than "},
                                                         {"multipleOf", "a multiple of "},
                                                         {"minLength", "of length at least "},
                                                         {"maxLength", "of length at most "},
                                                         {"pattern", "matching "},
                                                         {"minItems", "with elements: at least "},
                                                         {"maxItems", "with elements: at most "}};
  for (const auto& [keyword, words] : kLimits) {
    if (const auto limit = schema.find(keyword); limit != schema.end()) parts.push_back(words + json_text(*limit));
  }
  return join(parts, ", ");
}

std::string kind_of(const OrderedJson& value) {
  if (value.is_boolean()) return "bool";
  return value.type_name();
}

// Follows valijson's context ("<root>", "[name]", "[0]") into the value and the schema at the same time.
struct Place {
  std::string pointer;
  std::string name;  // of the last property on the way
  const OrderedJson* value = nullptr;
  std::vector<const OrderedJson*> schemas;
};

Place locate(const std::vector<std::string>& context, const OrderedJson& value, const OrderedJson& root) {
  Place place{{}, {}, &value, applicable_schemas(root, root)};
  for (std::size_t i = 1; i < context.size(); ++i) {
    const std::string& step = context[i];
    if (step.size() < 2) continue;
    const std::string token = step.substr(1, step.size() - 2);
    place.pointer = child_pointer(place.pointer, token);
    const OrderedJson* next = nullptr;
    const OrderedJson* schema = nullptr;
    if (place.value != nullptr && place.value->is_object()) {
      place.name = token;
      if (const auto member = place.value->find(token); member != place.value->end()) next = &*member;
      schema = find_property(place.schemas, token);
    } else if (place.value != nullptr && place.value->is_array()) {
      const std::size_t index = std::stoul(token);
      if (index < place.value->size()) next = &(*place.value)[index];
      for (const auto* candidate : place.schemas) {
        const auto items = candidate->find("items");
        if (schema == nullptr && items != candidate->end() && items->is_object()) schema = &*items;
      }
    }
    place.value = next;
    place.schemas = schema == nullptr ? std::vector<const OrderedJson*>{} : applicable_schemas(*schema, root);
  }
  return place;
}

std::string custom_message(const std::vector<const OrderedJson*>& schemas) {
  for (const auto* schema : schemas) {
    const auto message = schema->find("errorMessage");
    if (message != schema->end() && message->is_string()) return message->get<std::string>();
  }
  return {};
}

SchemaViolation missing(const Place& place, const std::string& name, const OrderedJson& root) {
  SchemaViolation violation{place.pointer, "missing required parameter \"" + name + "\"", {}};
  if (const auto* property = find_property(place.schemas, name)) {
    const auto schemas = applicable_schemas(*property, root);
    if (auto message = custom_message(schemas); !message.empty()) violation.text = std::move(message);
    if (!schemas.empty()) violation.expected = describe(*schemas.front());
  }
  return violation;
}

SchemaViolation refused(const Place& place, const std::string& description) {
  SchemaViolation violation{place.pointer, {}, {}};
  const std::string subject = place.name.empty() ? "parameters" : "\"" + place.name + "\"";
  for (const auto* schema : place.schemas) {
    if (violation.expected.empty()) violation.expected = describe(*schema);
  }
  if (auto message = custom_message(place.schemas); !message.empty()) {
    violation.text = std::move(message);
  } else if (description.starts_with("Value type not permitted") && place.value != nullptr) {
    violation.text = "json: cannot unmarshal " + kind_of(*place.value) + " into " + subject;
  } else if (place.value != nullptr && place.value->is_primitive()) {
    violation.text = "invalid value " + json_text(*place.value) + " for " + subject;
  } else {
    violation.text = "invalid " + subject + ": " + description;
  }
  return violation;
}

std::string quoted_part(const std::string& text) {
  const auto begin = text.find('\'');
  const auto end = text.rfind('\'');
  return begin == std::string::npos || end <= begin ? std::string() : text.substr(begin + 1, end - begin - 1);
}

// Errors of the branches of anyOf and oneOf come before the one that says that no branch fits: they become its detail.
void fold_branches(std::vector<SchemaViolation>& violations, const Place& place) {
  std::vector<std::string> details;
  while (!violations.empty() && violations.back().pointer.starts_with(place.pointer)) {
    if (std::find(details.begin(), details.end(), violations.back().text) == details.end()) {
      details.insert(details.begin(), violations.back().text);
    }
    violations.pop_back();
  }
  SchemaViolation folded{place.pointer, custom_message(place.schemas), {}};
  if (folded.text.empty()) folded.text = "none of the allowed forms fits: " + join(details, "; or ");
  violations.push_back(std::move(folded));
}

}  // namespace

std::vector<SchemaViolation> validate_schema(const OrderedJson& value, const OrderedJson& schema) {
  using Json = nlohmann::json;
  refuse_endless_references(schema);
  if (auto overlong = find_overlong_text(value, schema)) return {std::move(*overlong)};
  const Json plain_schema = Json::parse(json_text(schema));
  const Json plain_value = Json::parse(json_text(value));
  valijson::Schema compiled;
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(plain_schema), compiled);

  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  if (validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter(plain_value), &results)) return {};

  std::vector<SchemaViolation> violations;
  for (const auto& error : results) {
    const Place place = locate(error.context, value, schema);
    const std::string& what = error.description;
    if (what.starts_with("Missing required property")) {
      violations.push_back(missing(place, quoted_part(what), schema));
    } else if (what.find("anyOf constraint") != std::string::npos ||
               what.find("oneOf constraint") != std::string::npos) {
      fold_branches(violations, place);
    } else if (what.starts_with("Failed to validate") && !violations.empty()) {
      continue;  // says only that something inside failed, which was reported
    } else {
      const auto same = std::find_if(violations.begin(), violations.end(),
                                     [&](const auto& known) { return known.pointer == place.pointer; });
      if (same == violations.end() || place.pointer.empty()) violations.push_back(refused(place, what));
    }
  }
  return violations;
}

}  // namespace epp::config
