// label-selector-filter: keeps endpoints whose labels match a Kubernetes label selector.
// by-label: the older form, one label and its accepted values.
#include "../../common/label_selector.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

class LabelSelectorFilter {
 public:
  explicit LabelSelectorFilter(epp::sdk::Context& context)
      : selector_(epp::builtin::LabelSelector::from_parameters(context.parameters())) {
    if (context.name().empty()) throw epp::sdk::Error("plugin name cannot be empty", EPP_ERR_BAD_REQUEST);
  }

  void filter(const epp::sdk::Request&, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    kept.keep_if(candidates, [&](uint32_t i) { return selector_.matches(candidates.endpoint(i)); });
  }

 private:
  epp::builtin::LabelSelector selector_;
};

class ByLabel {
 public:
  explicit ByLabel(epp::sdk::Context& context)
      : label_(context.parameters().text("/label")),
        valid_values_(context.parameters().texts("/validValues")),
        allows_no_label_(context.parameters().boolean("/allowsNoLabel", false)) {
    using epp::sdk::Error;
    if (label_.empty()) throw Error("by-label: 'label' must be specified", EPP_ERR_BAD_REQUEST);
    if (valid_values_.empty() && !allows_no_label_) {
      throw Error("by-label: 'validValues' must not be empty unless 'allowsNoLabel' is set", EPP_ERR_BAD_REQUEST);
    }
  }

  // An absent label reads as "", so an empty valid value admits it too.
  void filter(const epp::sdk::Request&, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    kept.keep_if(candidates, [&](uint32_t i) {
      const std::string_view value = epp::sdk::label(candidates.endpoint(i), label_);
      if (value.data() == nullptr && allows_no_label_) return true;
      return std::find(valid_values_.begin(), valid_values_.end(), value) != valid_values_.end();
    });
  }

 private:
  std::string label_;
  std::vector<std::string> valid_values_;
  bool allows_no_label_;
};

constexpr std::string_view kSelectorSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "matchLabels": {
      "type": "object", "additionalProperties": {"type": "string"},
      "description": "Labels that must have exactly these values."
    },
    "matchExpressions": {
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["key", "operator"],
        "properties": {
          "key": {"type": "string"},
          "operator": {"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
          "values": {"type": "array", "items": {"type": "string"}}
        }
      },
      "description": "Requirements on labels, all of which must hold."
    }
  }
})json";

constexpr std::string_view kByLabelSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "label": {"type": "string", "description": "The label to look at; required."},
    "validValues": {"type": "array", "items": {"type": "string"}, "description": "Accepted values."},
    "allowsNoLabel": {"type": "boolean", "default": false, "description": "Keep endpoints without the label."}
  }
})json";

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<LabelSelectorFilter>({
                     .name = "label-selector-filter",
                     .description = "Keeps endpoints whose labels match a selector",
                     .parameters_schema = kSelectorSchema,
                 }),
                 epp::sdk::type<LabelSelectorFilter>({
                     .name = "by-label-selector",
                     .description = "Keeps endpoints whose labels match a selector",
                     .parameters_schema = kSelectorSchema,
                     .replaced_by = "label-selector-filter",
                 }),
                 epp::sdk::type<ByLabel>({
                     .name = "by-label",
                     .description = "Keeps endpoints by the value of one label",
                     .parameters_schema = kByLabelSchema,
                     .replaced_by = "label-selector-filter",
                 }))
