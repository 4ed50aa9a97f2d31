// Internal to scrape/*.cpp: reading parameter objects that may hold no unknown field.
#pragma once

#include "scrape/engine_mapping.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace epp::scrape {

using Json = nlohmann::json;

// The object; an empty text is an empty object.
inline Json parse_object(std::string_view text) {
  if (text.empty()) return Json::object();
  Json json = Json::parse(text, nullptr, false);
  if (json.is_null()) return Json::object();
  if (!json.is_object()) throw ParameterError("parameters must be a JSON object");
  return json;
}

inline void check_fields(const Json& object, std::initializer_list<std::string_view> known) {
  for (const auto& item : object.items()) {
    bool found = false;
    for (const auto name : known)
      found = found || name == item.key();
    if (!found) throw ParameterError("json: unknown field \"" + item.key() + "\"");
  }
}

template <class Value>
void read_field(const Json& object, const char* name, Value& into) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return;
  try {
    bool fits = true;
    if constexpr (std::is_same_v<Value, bool>) {
      fits = found->is_boolean();
    } else if constexpr (std::is_integral_v<Value>) {
      fits = found->is_number_unsigned();
    }
    if (!fits) throw ParameterError(std::string("field \"") + name + "\" has the wrong type");
    into = found->get<Value>();
  } catch (const Json::exception&) {
    throw ParameterError(std::string("field \"") + name + "\" has the wrong type");
  }
}

}  // namespace epp::scrape
