#include "config/diagnostics.h"

#include <algorithm>
#include <cctype>

namespace epp::config {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Levenshtein distance without regard to case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      const std::size_t substitute = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, substitute});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Position SourceMap::find(std::string_view pointer) const {
  std::string key(pointer);
  while (true) {
    if (const auto it = positions_.find(key); it != positions_.end()) return it->second;
    const auto slash = key.rfind('/');
    if (slash == std::string::npos) return {};
    key.resize(slash);
  }
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::kError) ++errors_;
  items_.push_back(std::move(diagnostic));
}

void Diagnostics::error(std::string text, std::string pointer, std::string expected, std::string nearest) {
  add({Severity::kError, std::move(text), std::move(pointer), std::move(expected), std::move(nearest)});
}

void Diagnostics::warning(std::string text, std::string pointer) {
  add({Severity::kWarning, std::move(text), std::move(pointer), {}, {}});
}

void Diagnostics::deprecation(std::string text, std::string pointer) {
  add({Severity::kDeprecation, std::move(text), std::move(pointer), {}, {}});
}

std::string render(const Diagnostic& diagnostic, const SourceMap& source) {
  std::string where;
  if (!source.file().empty() && (!diagnostic.pointer.empty() || source.find("").line != 0)) {
    where = source.file();
    if (const Position at = source.find(diagnostic.pointer); at.line != 0) {
      where += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    }
  }
  if (!diagnostic.pointer.empty()) where += (where.empty() ? "at " : " at ") + diagnostic.pointer;

  std::string detail = where;
  const auto append = [&detail](const std::string& part) { detail += (detail.empty() ? "" : "; ") + part; };
  if (!diagnostic.expected.empty()) append("expected " + diagnostic.expected);
  if (!diagnostic.nearest.empty()) append("did you mean \"" + diagnostic.nearest + "\"?");
  return detail.empty() ? diagnostic.text : diagnostic.text + " (" + detail + ")";
}

std::string escape_pointer_token(std::string_view token) {
  std::string escaped;
  escaped.reserve(token.size());
  for (const char c : token) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string child_pointer(std::string_view parent, std::string_view token) {
  return std::string(parent) + "/" + escape_pointer_token(token);
}

std::string child_pointer(std::string_view parent, std::size_t index) {
  return std::string(parent) + "/" + std::to_string(index);
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongestName = 128;  // beyond it nobody mistyped a name, and the cost is quadratic
  if (name.empty() || name.size() > kLongestName) return {};
  const std::size_t limit = std::max<std::size_t>(1, name.size() / 3);
  std::string best;
  std::size_t best_distance = limit + 1;
  for (const auto& candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace epp::config
