// How an engine's metric is named in parameters: `name` or `name{label=value,label2="v2"}`.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace epp::scrape {

struct MetricSpec {
  struct Label {
    std::string name;
    std::string value;
    bool operator==(const Label&) const = default;
  };

  std::string name;
  std::vector<Label> labels;  // a sample must carry all of them; it may carry others

  bool operator==(const MetricSpec&) const = default;
  // name{label="value",...}
  [[nodiscard]] std::string text() const;
  // True when `labels`, the raw text between a sample's braces, has every label of the specification.
  [[nodiscard]] bool matches(std::string_view labels) const;
};

struct SpecError {
  std::string text;
};

// Unquoted values are taken as they stand; blanks around tokens are tolerated; `{}` means no labels. A quoted value may
// be empty but holds no quote, comma or closing brace. An empty text is an error here: callers give it a meaning of its
// own.
[[nodiscard]] std::variant<MetricSpec, SpecError> parse_metric_spec(std::string_view text);

}  // namespace epp::scrape
