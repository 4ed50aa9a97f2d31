#include "kube/label_selector.h"

#include "kube/label_syntax.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>
#include <utility>

namespace epp::kube {
namespace {

using Operator = LabelSelector::Operator;
using Requirement = LabelSelector::Requirement;

// Decimal, with an optional sign.
std::optional<std::int64_t> to_int64(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool before(const Requirement& a, const Requirement& b) {
  return std::tie(a.key, a.op, a.values) < std::tie(b.key, b.op, b.values);
}

void sort_unique(std::vector<std::string>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Tokens are the marks ( ) , ! = == != > < and words, which end at a mark or at whitespace.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) { next(); }

  std::variant<std::vector<Requirement>, std::string> run() {
    std::vector<Requirement> requirements;
    if (token_.empty()) return requirements;
    do {
      requirements.push_back(requirement());
      if (!error_.empty()) return error_;
    } while (accept(","));
    if (!token_.empty()) return unexpected("a comma or the end");
    return requirements;
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  static bool is_mark(char c) { return std::string_view("(),!=><").find(c) != std::string_view::npos; }

  void next() {
    while (!rest_.empty() && is_space(rest_.front()))
      rest_.remove_prefix(1);
    std::size_t length = 0;
    if (rest_.starts_with("==") || rest_.starts_with("!=")) {
      length = 2;
    } else if (!rest_.empty() && is_mark(rest_.front())) {
      length = 1;
    } else {
      while (length < rest_.size() && !is_mark(rest_[length]) && !is_space(rest_[length]))
        ++length;
    }
    token_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  bool accept(std::string_view wanted) {
    if (token_ != wanted) return false;
    next();
    return true;
  }

  [[nodiscard]] bool at_word() const { return !token_.empty() && !is_mark(token_.front()); }

  std::string unexpected(std::string_view wanted) const {
    std::string text = token_.empty() ? "the end" : "\"" + std::string(token_) + "\"";
    return text + " stands where " + std::string(wanted) + " should be";
  }
  void fail(std::string text) {
    if (error_.empty()) error_ = std::move(text);
  }

  Requirement requirement() {
    Requirement made;
    const bool absent = accept("!");
    if (!at_word()) {
      fail(unexpected("a label key"));
      return made;
    }
    made.key = token_;
    if (!valid_label_key(made.key)) fail("\"" + made.key + "\" is no label key");
    next();
    if (absent) {
      made.op = Operator::kAbsent;
    } else if (accept("=") || accept("==")) {
      made.op = Operator::kIn;
      made.values = {exact_value()};
    } else if (accept("!=")) {
      made.op = Operator::kNotIn;
      made.values = {exact_value()};
    } else if (accept("in")) {
      made.op = Operator::kIn;
      made.values = value_list();
    } else if (accept("notin")) {
      made.op = Operator::kNotIn;
      made.values = value_list();
    } else if (token_ == ">" || token_ == "<") {
      made.op = token_ == ">" ? Operator::kGreater : Operator::kLess;
      next();
      made.values = {exact_value()};
      const auto bound = to_int64(made.values.front());
      if (!bound) fail("\"" + made.values.front() + "\" is no integer");
      made.bound = bound.value_or(0);
    }
    sort_unique(made.values);
    return made;
  }

  // A word, or nothing at all: then the value is empty.
  std::string exact_value() {
    std::string value;
    if (!at_word()) return value;
    value = token_;
    if (!valid_label_value(value)) fail("\"" + value + "\" is no label value");
    next();
    return value;
  }

  std::vector<std::string> value_list() {
    std::vector<std::string> values;
    if (!accept("(")) {
      fail(unexpected("\"(\""));
      return values;
    }
    do {
      values.push_back(exact_value());
    } while (accept(","));
    if (!accept(")")) fail(unexpected("a comma or \")\""));
    return values;
  }

  std::string_view rest_;
  std::string_view token_;  // empty at the end
  std::string error_;       // the first
};

const std::string* value_of(const Labels& labels, std::string_view key) {
  const auto at = std::lower_bound(labels.begin(), labels.end(), key,
                                   [](const auto& label, std::string_view wanted) { return label.first < wanted; });
  return at != labels.end() && at->first == key ? &at->second : nullptr;
}

bool holds(const Requirement& requirement, const std::string* value) {
  const auto listed = [&] { return std::binary_search(requirement.values.begin(), requirement.values.end(), *value); };
  switch (requirement.op) {
    case Operator::kIn:
      return value != nullptr && listed();
    case Operator::kNotIn:
      return value == nullptr || !listed();
    case Operator::kExists:
      return value != nullptr;
    case Operator::kAbsent:
      return value == nullptr;
    case Operator::kGreater:
    case Operator::kLess: {
      const auto number = value != nullptr ? to_int64(*value) : std::nullopt;
      if (!number) return false;
      return requirement.op == Operator::kGreater ? *number > requirement.bound : *number < requirement.bound;
    }
  }
  return false;
}

void append(std::string& text, const Requirement& requirement) {
  const bool one = requirement.values.size() == 1;
  if (requirement.op == Operator::kAbsent) text += '!';
  text += requirement.key;
  switch (requirement.op) {
    case Operator::kIn:
      text += one ? "=" : " in (";
      break;
    case Operator::kNotIn:
      text += one ? "!=" : " notin (";
      break;
    case Operator::kGreater:
      text += '>';
      break;
    case Operator::kLess:
      text += '<';
      break;
    case Operator::kExists:
    case Operator::kAbsent:
      return;
  }
  for (std::size_t i = 0; i < requirement.values.size(); ++i) {
    if (i > 0) text += ',';
    text += requirement.values[i];
  }
  if (!one) text += ')';
}

}  // namespace

std::variant<LabelSelector, std::string> LabelSelector::parse(std::string_view text) {
  auto parsed = Parser(text).run();
  if (auto* error = std::get_if<std::string>(&parsed)) return std::move(*error);
  LabelSelector selector;
  selector.requirements_ = std::get<std::vector<Requirement>>(std::move(parsed));
  auto& requirements = selector.requirements_;
  std::sort(requirements.begin(), requirements.end(), before);
  requirements.erase(std::unique(requirements.begin(), requirements.end()), requirements.end());
  return selector;
}

LabelSelector LabelSelector::equal_to(const Labels& labels) {
  LabelSelector selector;
  selector.requirements_.reserve(labels.size());
  for (const auto& [key, value] : labels)
    selector.requirements_.push_back({.key = key, .op = Operator::kIn, .values = {value}});
  return selector;
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
    return holds(requirement, value_of(labels, requirement.key));
  });
}

std::string LabelSelector::text() const {
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (!text.empty()) text += ',';
    append(text, requirement);
  }
  return text;
}

}  // namespace epp::kube
