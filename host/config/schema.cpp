#include "config/schema.h"

#include "config/json_text.h"
#include "config/parameters.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

// `$ref`s of a parameter schema point into that schema, which becomes a definition of the document.
void relocate_references(Json& schema, const std::string& base) {
  if (schema.is_object()) {
    for (auto& [key, value] : schema.items()) {
      if (key == "$ref" && value.is_string() && value.get_ref<const std::string&>().starts_with('#')) {
        value = "#" + base + value.get<std::string>().substr(1);
      } else {
        relocate_references(value, base);
      }
    }
  } else if (schema.is_array()) {
    for (auto& element : schema)
      relocate_references(element, base);
  }
}

}  // namespace

std::string assemble_schema(const Catalogue& catalogue) {
  Json schema = Json::parse(document_schema());
  Json types = Json::array();
  Json choices = Json::array();
  for (const PluginType* type : catalogue.types()) {
    if (types.empty() || types.back() != type->type) types.push_back(type->type);
    if (ignores_parameters(type->parameters_schema)) continue;
    Json parameters = Json::parse(type->parameters_schema, nullptr, false);
    if (parameters.is_discarded()) continue;
    const std::string name = "parameters:" + type->type;
    relocate_references(parameters, "/definitions/" + name);
    if (parameters.is_object()) {
      parameters.erase("$schema");
      if (!parameters.contains("description")) parameters["description"] = type->description;
    }
    schema["definitions"][name] = std::move(parameters);
    Json choice;
    choice["if"]["properties"]["type"]["const"] = type->type;
    choice["if"]["required"].push_back("type");
    choice["then"]["properties"]["parameters"]["$ref"] = "#/definitions/" + name;
    choices.push_back(std::move(choice));
  }
  Json& entry = schema["definitions"]["plugin"];
  if (!types.empty()) entry["properties"]["type"]["enum"] = std::move(types);
  if (!choices.empty()) entry["allOf"] = std::move(choices);
  return json_text(schema, 2) + "\n";
}

}  // namespace epp::config
