#include "support/metrics_text.h"

#include <algorithm>
#include <sstream>

namespace epp::testing {
namespace {

// `text` begins behind the opening brace; name="value" pairs follow, with escapes in the values.
Labels parse_labels(const std::string& text) {
  Labels labels;
  for (std::size_t at = 0; at < text.size() && text[at] != '}';) {
    const std::size_t equals = text.find("=\"", at);
    if (equals == std::string::npos) break;
    std::size_t end = equals + 2;
    while (end < text.size() && text[end] != '"')
      end += text[end] == '\\' ? 2 : 1;
    labels[text.substr(at, equals - at)] = text.substr(equals + 2, end - equals - 2);
    at = end + 1;
    if (at < text.size() && text[at] == ',') ++at;
  }
  return labels;
}

}  // namespace

double sample_value(const std::string& page, const std::string& series) {
  for (std::size_t start = 0; start < page.size();) {
    const std::size_t end = std::min(page.find('\n', start), page.size());
    if (page.compare(start, series.size(), series) == 0) {
      return std::stod(page.substr(page.rfind(' ', end - 1) + 1, end - start));
    }
    start = end + 1;
  }
  return 0;
}

std::vector<Sample> samples_of(const std::string& page, const std::string& name, const Labels& labels) {
  std::vector<Sample> found;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char next = line[name.size()];
    if (next != '{' && next != ' ') continue;
    Sample sample{.labels = next == '{' ? parse_labels(line.substr(name.size() + 1)) : Labels{},
                  .value = std::stod(line.substr(line.rfind(' ') + 1))};
    const bool wanted = std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
      const auto it = sample.labels.find(label.first);
      return it != sample.labels.end() && it->second == label.second;
    });
    if (wanted) found.push_back(std::move(sample));
  }
  return found;
}

std::optional<double> sample_sum(const std::string& page, const std::string& name, const Labels& labels) {
  const std::vector<Sample> found = samples_of(page, name, labels);
  if (found.empty()) return std::nullopt;
  double sum = 0;
  for (const Sample& sample : found)
    sum += sample.value;
  return sum;
}

}  // namespace epp::testing
