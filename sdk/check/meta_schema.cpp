#include "check/meta_schema.h"

#include <nlohmann/json.hpp>

namespace epp::check {

const nlohmann::ordered_json& meta_schema() {
  // References to the root itself do not work in every validator, so the whole stands in a definition.
  static const auto kSchema = nlohmann::ordered_json::parse(R"json({
    "definitions": {
      "type": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]},
      "count": {"type": "integer", "minimum": 0},
      "names": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
      "schemas": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/schema"}},
      "map": {"type": "object", "additionalProperties": {"$ref": "#/definitions/schema"}},
      "schema": {
        "type": ["object", "boolean"],
        "properties": {
          "$ref": {"type": "string"},
          "title": {"type": "string"},
          "description": {"type": "string"},
          "type": {"anyOf": [
            {"$ref": "#/definitions/type"},
            {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"$ref": "#/definitions/type"}}
          ]},
          "enum": {"type": "array", "minItems": 1},
          "minimum": {"type": "number"},
          "maximum": {"type": "number"},
          "exclusiveMinimum": {"type": "number"},
          "exclusiveMaximum": {"type": "number"},
          "multipleOf": {"type": "number", "exclusiveMinimum": 0},
          "minLength": {"$ref": "#/definitions/count"},
          "maxLength": {"$ref": "#/definitions/count"},
          "pattern": {"type": "string"},
          "format": {"type": "string"},
          "minItems": {"$ref": "#/definitions/count"},
          "maxItems": {"$ref": "#/definitions/count"},
          "uniqueItems": {"type": "boolean"},
          "items": {"anyOf": [{"$ref": "#/definitions/schema"}, {"$ref": "#/definitions/schemas"}]},
          "additionalItems": {"$ref": "#/definitions/schema"},
          "contains": {"$ref": "#/definitions/schema"},
          "minProperties": {"$ref": "#/definitions/count"},
          "maxProperties": {"$ref": "#/definitions/count"},
          "required": {"$ref": "#/definitions/names"},
          "properties": {"$ref": "#/definitions/map"},
          "patternProperties": {"$ref": "#/definitions/map"},
          "additionalProperties": {"$ref": "#/definitions/schema"},
          "propertyNames": {"$ref": "#/definitions/schema"},
          "dependencies": {"type": "object", "additionalProperties": {
            "anyOf": [{"$ref": "#/definitions/schema"}, {"$ref": "#/definitions/names"}]
          }},
          "allOf": {"$ref": "#/definitions/schemas"},
          "anyOf": {"$ref": "#/definitions/schemas"},
          "oneOf": {"$ref": "#/definitions/schemas"},
          "not": {"$ref": "#/definitions/schema"},
          "if": {"$ref": "#/definitions/schema"},
          "then": {"$ref": "#/definitions/schema"},
          "else": {"$ref": "#/definitions/schema"},
          "definitions": {"$ref": "#/definitions/map"},
          "x-epp-plugin-reference": {"type": "boolean"},
          "errorMessage": {"type": "string"}
        }
      }
    },
    "allOf": [{"$ref": "#/definitions/schema"}]
  })json");
  return kSchema;
}

}  // namespace epp::check
