// Strict decoding of one JSON object at a time: each known field is taken once, the rest is unknown. Wrong types and
// unknown names are reported in the words of Go's JSON decoder, which is what upstream's users see.
// Internal to the room.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::config {

// Where a value stands, in the three spellings that messages need.
struct Where {
  std::string pointer;  // /plugins/0/name
  std::string indexed;  // plugins[0].name
  std::string dotted;   // plugins.name

  Where field(std::string_view name) const;
  Where element(std::size_t index) const;
};

class Fields {
 public:
  using Json = nlohmann::ordered_json;

  // `object` may be of another kind than object: then that was reported and nothing is found in it.
  // `type` is the name of the structure in messages; `prefix` starts every message.
  Fields(const Json& object, Where where, std::string_view type, std::string_view prefix, Diagnostics& diagnostics);

  const Where& where() const { return where_; }

  // Each takes a field; absent and null leave `out` as it is. False when the field is absent, null or wrong.
  bool text(std::string_view name, std::string& out);
  bool texts(std::string_view name, std::vector<std::string>& out);
  bool boolean(std::string_view name, bool& out);
  bool number(std::string_view name, std::optional<double>& out);
  bool integer(std::string_view name, std::int64_t& out);
  bool quantity(std::string_view name, std::int64_t& out);
  bool duration(std::string_view name, std::chrono::nanoseconds& out);
  bool raw(std::string_view name, std::optional<std::string>& out);  // any value as text; null is "null"

  // Calls `decode(Fields&)` for the object in a field; for each element of a list of objects.
  template <typename Decode>
  bool object(std::string_view name, std::string_view type, Decode decode) {
    const Json* value = take(name);
    if (value == nullptr || !expect_object(*value, where_.field(name), type)) return false;
    Fields fields(*value, where_.field(name), type, prefix_, diagnostics_);
    decode(fields);
    fields.finish();
    return true;
  }
  template <typename Decode>
  void objects(std::string_view name, std::string_view type, Decode decode) {
    const Json* value = take(name);
    if (value == nullptr || !expect_list(*value, name, type)) return;
    for (std::size_t i = 0; i < value->size(); ++i) {
      const Json& element = (*value)[i];
      const Where at = where_.field(name).element(i);
      if (!element.is_null() && !expect_object(element, at, type)) continue;
      Fields fields(element, at, type, prefix_, diagnostics_);
      decode(fields);
      fields.finish();
    }
  }
  // The `{pluginRef: name}` object in a field.
  bool plugin_ref(std::string_view name, PluginRef& out);
  // `pluginRef` of this object.
  void own_plugin_ref(PluginRef& out);

  // Accepts a field without reading it.
  void skip(std::string_view name) { take(name); }
  bool has(std::string_view name) const;

  // Reports what was not taken.
  void finish();

  // An error about a field, with the prefix.
  void error(std::string_view name, const std::string& text, std::string expected);

 private:
  const Json* take(std::string_view name);
  bool expect_object(const Json& value, const Where& at, std::string_view type);
  bool expect_list(const Json& value, std::string_view name, std::string_view type);
  void wrong_type(const Json& value, const Where& at, std::string_view go_type, std::string expected,
                  bool with_number = false);

  const Json& object_;
  Where where_;
  std::string_view type_;
  std::string_view prefix_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;
};

}  // namespace epp::config
