// A catalogue of made-up libraries that offers the types the tests name, and helpers to load and wire a document.
#pragma once

#include "config/catalogue.h"
#include "config/decode.h"
#include "config/wiring.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config::testing {

class FakeCatalogue : public Catalogue {
 public:
  // Every type that the tests use.
  FakeCatalogue();

  PluginType& add(std::string type, RoleSet roles, std::string schema = {});
  PluginType& type(std::string_view name);
  void remove(std::string_view type);

  const PluginType* find(std::string_view type, std::string_view library) const override;
  std::vector<std::string> libraries_of(std::string_view type) const override;
  std::vector<const PluginType*> types() const override;

 private:
  std::multimap<std::string, PluginType, std::less<>> types_;
};

// The outcome of decoding and wiring a document.
struct Outcome {
  std::optional<EffectiveConfig> config;
  LoadedConfig loaded;
  Diagnostics diagnostics;

  bool ok() const { return config.has_value() && !diagnostics.has_errors(); }
  // Some error contains `text`.
  bool fails_with(std::string_view text) const { return count(Severity::kError, text) != 0; }
  bool warns_of(std::string_view text) const { return count(Severity::kWarning, text) != 0; }
  bool deprecates(std::string_view text) const { return count(Severity::kDeprecation, text) != 0; }
  std::size_t count(Severity severity, std::string_view text) const;
  std::string rendered() const;  // all of them, for messages

  std::vector<std::string> names(const std::vector<InstanceIndex>& indices) const;
  std::vector<std::string> instance_names() const;
  std::string name(InstanceIndex index) const { return config->instances[index].name; }
};

struct Setup {
  const FakeCatalogue& catalogue;
  bool experimental = false;
};

Outcome run(std::string_view text);  // with the whole fake catalogue
Outcome run(std::string_view text, const Setup& setup);
Outcome decode_only(std::string_view text);

}  // namespace epp::config::testing
