#include "check/parameter_sets.h"

#include "check/meta_schema.h"
#include "config/diagnostics.h"
#include "config/json_schema.h"
#include "config/parameters.h"

#include <array>
#include <functional>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

namespace epp::check {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostSets = 40;

// Follows a $ref into the document itself.
const Json& resolved(const Json& schema, const Json& root) {
  const Json* at = &schema;
  for (int depth = 0; depth < 8 && at->is_object() && at->contains("$ref"); ++depth) {
    const std::string target = at->value("$ref", "");
    if (!target.starts_with('#')) break;
    try {
      at = &root.at(Json::json_pointer(target.substr(1)));
    } catch (const Json::exception&) {
      break;
    }
  }
  return *at;
}

bool fits(const Json& value, const Json& schema, const Json& root) {
  Json whole = schema;
  // Definitions are found from the root.
  if (whole.is_object() && root.is_object() && root.contains("definitions")) whole["definitions"] = root["definitions"];
  try {
    return config::validate_schema(value, whole).empty();
  } catch (const std::exception&) {
    return false;
  }
}

// Some value that the schema accepts; discarded when none was found.
Json sample(const Json& unresolved, const Json& root, int depth = 0) {
  static const Json kNone = Json::parse("", nullptr, false);
  const Json& schema = resolved(unresolved, root);
  if (!schema.is_object() || depth > 6) return schema.is_boolean() && schema.get<bool>() ? Json(1) : kNone;
  std::vector<Json> candidates;
  for (const char* keyword : {"default", "const"})
    if (schema.contains(keyword)) candidates.push_back(schema[keyword]);
  for (const char* keyword : {"examples", "enum"})
    if (schema.contains(keyword) && schema[keyword].is_array())
      candidates.insert(candidates.end(), schema[keyword].begin(), schema[keyword].end());
  for (const char* keyword : {"oneOf", "anyOf", "allOf"}) {
    if (!schema.contains(keyword)) continue;
    for (const Json& choice : schema[keyword])
      if (Json value = sample(choice, root, depth + 1); !value.is_discarded()) candidates.push_back(std::move(value));
  }
  for (const char* limit : {"minimum", "maximum"})
    if (schema.contains(limit)) candidates.push_back(schema[limit]);
  for (const char* text : {"a", "default", "1s", "100ms", "10", "0.5", "1", "a=b", "10.0.0.1:8000",
                           "http://localhost:1", "text", "aaaaaaaaaaaaaaaa"})
    candidates.emplace_back(text);
  for (const double number : {1.0, 0.5, 0.0, 2.0, 10.0, 100.0, 1000.0}) {
    candidates.emplace_back(static_cast<int64_t>(number));
    candidates.emplace_back(number);
  }
  candidates.emplace_back(true);
  if (schema.contains("items") && schema["items"].is_object()) {
    const Json item = sample(schema["items"], root, depth + 1);
    if (!item.is_discarded()) candidates.push_back(Json::array({item}));
  }
  candidates.push_back(Json::array());
  Json object = Json::object();
  const Json properties = schema.value("properties", Json::object());
  for (const Json& name : schema.value("required", Json::array())) {
    if (!name.is_string() || !properties.contains(name.get<std::string>())) continue;
    Json value = sample(properties[name.get<std::string>()], root, depth + 1);
    if (!value.is_discarded()) object[name.get<std::string>()] = std::move(value);
  }
  candidates.push_back(object);
  if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object()) {
    const Json value = sample(schema["additionalProperties"], root, depth + 1);
    if (!value.is_discarded()) {
      object["a"] = value;
      candidates.push_back(object);
    }
  }
  for (Json& candidate : candidates)
    if (fits(candidate, schema, root)) return candidate;
  return kNone;
}

// The same, but a list or map of something rather than an empty one.
Json generous_sample(const Json& schema, const Json& root) {
  if (schema.is_object() && schema.contains("items") && schema["items"].is_object()) {
    const Json item = sample(schema["items"], root);
    if (Json list = Json::array({item}); !item.is_discarded() && fits(list, schema, root)) return list;
  }
  if (schema.is_object() && schema.contains("additionalProperties") && schema["additionalProperties"].is_object()) {
    const Json value = sample(schema["additionalProperties"], root);
    if (Json map = Json::object({{"a", value}}); !value.is_discarded() && fits(map, schema, root)) return map;
  }
  return sample(schema, root);
}

// Calls `visit` with the pointer and schema of each property, those within objects too.
void each_property(const Json& schema, const Json& root, const std::string& pointer, int depth,
                   const std::function<void(const std::string&, const Json&)>& visit) {
  const Json& known = resolved(schema, root);
  if (!known.is_object() || depth > 4) return;
  const Json properties = known.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) {
    const std::string at = config::child_pointer(pointer, name);
    visit(at, resolved(property, root));
    each_property(property, root, at, depth + 1, visit);
  }
}

// `base` with `value` at `pointer`, objects made on the way.
Json with(Json base, const std::string& pointer, const Json& value) {
  base[Json::json_pointer(pointer)] = value;
  return base;
}

std::vector<std::pair<std::string, Json>> notable_values(const Json& schema) {
  std::vector<std::pair<std::string, Json>> values;
  if (schema.contains("default")) values.emplace_back("at its default", schema["default"]);
  if (schema.contains("minimum")) values.emplace_back("at its minimum", schema["minimum"]);
  if (schema.contains("maximum")) values.emplace_back("at its maximum", schema["maximum"]);
  for (const Json& choice : schema.value("enum", Json::array()))
    values.emplace_back("as " + choice.dump(), choice);
  const Json type = schema.value("type", Json());
  if (type == "boolean") {
    values.emplace_back("true", true);
    values.emplace_back("false", false);
  }
  if (type == "string" && !schema.contains("enum")) {
    values.emplace_back("empty", "");
    values.emplace_back("4 KB long", std::string(4000, 'x'));
  }
  if (type == "integer" && !schema.contains("maximum")) values.emplace_back("very large", INT64_MAX);
  if (type == "integer" && !schema.contains("minimum")) values.emplace_back("very small", INT64_MIN + 1);
  if (type == "number" && !schema.contains("maximum")) values.emplace_back("very large", 1e300);
  if (type == "number" && !schema.contains("minimum")) values.emplace_back("very small", -1e300);
  // Many a number is a share, whether its schema says so or not.
  if (type == "number" && !schema.contains("default")) values.emplace_back("at a half", 0.5);
  if (type == "array") values.emplace_back("empty", Json::array());
  return values;
}

Json parse(std::string_view text) {
  return Json::parse(text.empty() ? std::string_view("{}") : text, nullptr, false);
}

}  // namespace

std::vector<std::string> schema_problems(std::string_view text) {
  if (text.empty()) return {};
  const Json schema = parse(text);
  if (schema.is_discarded()) return {"The schema is not JSON."};
  if (schema.is_boolean()) return {};
  std::vector<std::string> problems;
  for (const config::SchemaViolation& violation : config::validate_schema(schema, meta_schema()))
    problems.push_back("The schema is not draft-07 at \"" + violation.pointer + "\": " + violation.text + '.');
  if (!problems.empty()) return problems;
  try {
    (void)config::validate_schema(Json::object(), schema);
  } catch (const std::exception& e) {
    return {std::string("The schema cannot be used: ") + e.what() + '.'};
  }
  if (const Json type = schema.value("type", Json("object")); type != "object")
    problems.push_back("The schema is not that of an object.");
  each_property(schema, schema, "", 0, [&](const std::string& pointer, const Json& property) {
    if (!property.is_object() || !property.contains("default")) return;
    if (!fits(property["default"], property, schema))
      problems.push_back("The default of " + pointer + " does not satisfy its own schema.");
  });
  return problems;
}

bool accepted(std::string_view schema, const std::string& text, std::string& normalised, std::string& complaint) {
  config::Diagnostics diagnostics;
  config::ParameterCheck check;
  check.schema = schema;
  const std::optional<std::string> checked = config::check_parameters(text, check, diagnostics);
  if (diagnostics.has_errors()) {
    complaint = diagnostics.all().front().text;
    return false;
  }
  normalised = checked.value_or("{}");
  return true;
}

std::vector<ParameterSet> good_parameters(std::string_view text) {
  const Json schema = parse(text);
  std::vector<ParameterSet> sets;
  std::set<std::string> known;
  const auto add = [&](std::string what, const Json& value) {
    std::string normalised;
    std::string complaint;
    if (sets.size() >= kMostSets || !accepted(text, value.dump(), normalised, complaint)) return;
    if (known.insert(normalised).second) sets.push_back({std::move(what), normalised});
  };
  add("no parameters", Json::object());
  Json base = sample(schema, schema);
  if (base.is_discarded() || !base.is_object()) base = Json::object();
  add("what is required", base);
  Json defaults = base;
  each_property(schema, schema, "", 0, [&](const std::string& pointer, const Json& property) {
    // What stands deeper comes with its parent.
    if (property.is_object() && property.contains("default") && pointer.find('/', 1) == std::string::npos)
      defaults = with(defaults, pointer, property["default"]);
  });
  add("the defaults", defaults);
  Json everything = base;
  each_property(schema, schema, "", 0, [&](const std::string& pointer, const Json& property) {
    if (pointer.find('/', 1) != std::string::npos) return;
    if (const Json some = generous_sample(property, schema); !some.is_discarded())
      everything = with(everything, pointer, some);
  });
  add("everything given", everything);
  each_property(schema, schema, "", 0, [&](const std::string& pointer, const Json& property) {
    if (!property.is_object()) return;
    for (const auto& [what, value] : notable_values(property)) {
      try {
        add(pointer + ' ' + what, with(base, pointer, value));
      } catch (const Json::exception&) {
        // Something that is no object stands in the way.
      }
    }
    if (const Json some = sample(property, schema); !some.is_discarded()) {
      try {
        add(pointer + " given", with(base, pointer, some));
      } catch (const Json::exception&) {
      }
    }
  });
  return sets;
}

std::vector<ParameterSet> bad_parameters(std::string_view text, Random& random) {
  const Json schema = parse(text);
  Json base = sample(schema, schema);
  if (base.is_discarded() || !base.is_object()) base = Json::object();
  const std::array<Json, 9> wrong = {Json(-1),
                                     Json(1e308),
                                     Json(""),
                                     Json(std::string(70'000, 'x')),
                                     Json(true),
                                     Json::array({1, "a"}),
                                     Json::object({{"a", 1}}),
                                     Json(INT64_MIN),
                                     Json("\xc3\xa4\x01/~")};
  std::vector<ParameterSet> sets;
  sets.push_back({"nothing", "{}"});
  sets.push_back({"an unknown member", with(base, "/no-such-parameter", 1).dump()});
  Json deep = 1;
  for (int i = 0; i < 200; ++i)
    deep = Json::array({deep});
  each_property(schema, schema, "", 0, [&](const std::string& pointer, const Json&) {
    for (int i = 0; i < 3; ++i) {
      try {
        sets.push_back({"a wrong " + pointer, with(base, pointer, wrong[random.below(wrong.size())]).dump()});
      } catch (const Json::exception&) {
      }
    }
    try {
      sets.push_back({"a deep " + pointer, with(base, pointer, deep).dump()});
    } catch (const Json::exception&) {
    }
  });
  return sets;
}

std::vector<std::string> words_of(std::string_view text, const std::vector<std::string>& more) {
  std::set<std::string> words(more.begin(), more.end());
  const std::function<void(const Json&)> collect = [&](const Json& value) {
    if (value.is_string()) words.insert(value.get<std::string>());
    if (!value.is_structured()) return;
    for (const auto& [name, member] : value.items()) {
      if (value.is_object()) words.insert(name);
      collect(member);
    }
  };
  if (const Json value = parse(text); !value.is_discarded()) collect(value);
  return {words.begin(), words.end()};
}

}  // namespace epp::check
