// The text of a selector, and after a newline the labels it is held against: "key=value" by commas.
#include "fuzz/kube_objects/require.h"
#include "kube/label_selector.h"
#include "kube/label_syntax.h"
#include "kube/rfc3339.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace {

epp::kube::Labels labels_of(std::string_view text) {
  std::map<std::string, std::string> by_key;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const auto equal = item.find('=');
    by_key[std::string(item.substr(0, equal))] =
        equal == std::string_view::npos ? "" : std::string(item.substr(equal + 1));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return {by_key.begin(), by_key.end()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using epp::kube::LabelSelector;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = input.find('\n');
  const std::string_view text = input.substr(0, line);
  const auto labels = labels_of(line == std::string_view::npos ? std::string_view() : input.substr(line + 1));
  (void)epp::kube::parse_rfc3339(text);

  const auto parsed = LabelSelector::parse(text);
  if (const auto* error = std::get_if<std::string>(&parsed)) {
    require(!error->empty());
    return 0;
  }
  const auto& selector = std::get<LabelSelector>(parsed);
  const std::string canonical = selector.text();
  const auto again = LabelSelector::parse(canonical);
  require(std::holds_alternative<LabelSelector>(again));
  require(std::get<LabelSelector>(again) == selector);
  require(std::get<LabelSelector>(again).text() == canonical);
  require(std::get<LabelSelector>(again).matches(labels) == selector.matches(labels));

  const auto equal = LabelSelector::equal_to(labels);
  require(equal.matches(labels));
  bool valid = true;
  for (const auto& [key, value] : labels)
    valid = valid && epp::kube::valid_label_key(key) && epp::kube::valid_label_value(value);
  if (valid) require(std::get<LabelSelector>(LabelSelector::parse(equal.text())) == equal);
  return 0;
}
