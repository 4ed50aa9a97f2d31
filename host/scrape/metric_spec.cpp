#include "scrape/metric_spec.h"

#include "scrape/prometheus_text.h"

#include <algorithm>

namespace epp::scrape {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_name(std::string_view text, bool colons) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colons && c == ':');
  };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') && std::all_of(text.begin(), text.end(), fits);
}

SpecError error(std::string_view spec, std::string_view what) {
  return {"invalid metric specification \"" + std::string(spec) + "\": " + std::string(what)};
}

// One label=value.
std::variant<MetricSpec::Label, std::string> parse_label(std::string_view pair) {
  const auto equals = pair.find('=');
  if (equals == std::string_view::npos) return "label \"" + std::string(trim(pair)) + "\" has no '='";
  const std::string_view name = trim(pair.substr(0, equals));
  std::string_view value = trim(pair.substr(equals + 1));
  if (name.empty()) return std::string("empty label name");
  if (!is_name(name, false)) return "illegal label name \"" + std::string(name) + "\"";
  if (value.empty()) return "label \"" + std::string(name) + "\" has an empty value";
  if (value.front() == '"') {
    if (value.size() < 2 || value.back() != '"') return "label \"" + std::string(name) + "\" has an unclosed quote";
    value = value.substr(1, value.size() - 2);
  }
  if (value.find('"') != std::string_view::npos) {
    return "label \"" + std::string(name) + "\" has a quote inside its value";
  }
  return MetricSpec::Label{std::string(name), std::string(value)};
}

}  // namespace

std::string MetricSpec::text() const {
  std::string out = name;
  if (labels.empty()) return out;
  out += '{';
  for (const auto& label : labels) {
    if (out.back() != '{') out += ',';
    out.append(label.name).append("=\"").append(label.value).append("\"");
  }
  return out += '}';
}

bool MetricSpec::matches(std::string_view given) const {
  return std::all_of(labels.begin(), labels.end(), [&](const Label& label) {
    const auto value = find_label(given, label.name);
    return value && label_value_is(*value, label.value);
  });
}

std::variant<MetricSpec, SpecError> parse_metric_spec(std::string_view given) {
  const std::string_view text = trim(given);
  MetricSpec spec;
  const auto open = text.find('{');
  const std::string_view name = trim(text.substr(0, open));
  if (name.empty()) return error(given, "missing metric name");
  if (!is_name(name, true)) return error(given, "illegal metric name \"" + std::string(name) + "\"");
  spec.name = std::string(name);
  if (open == std::string_view::npos) return spec;

  const auto close = text.find('}', open);
  if (close == std::string_view::npos) return error(given, "missing closing brace");
  if (close + 1 != text.size()) return error(given, "text after the closing brace");
  std::string_view pairs = text.substr(open + 1, close - open - 1);
  if (trim(pairs).empty()) return spec;
  for (;;) {
    const auto comma = pairs.find(',');
    auto label = parse_label(pairs.substr(0, comma));
    if (const auto* what = std::get_if<std::string>(&label)) return error(given, *what);
    spec.labels.push_back(std::get<MetricSpec::Label>(std::move(label)));
    if (comma == std::string_view::npos) return spec;
    pairs.remove_prefix(comma + 1);
    if (trim(pairs).empty()) return error(given, "trailing comma");
  }
}

}  // namespace epp::scrape
