// Kubernetes label selectors: syntax rules and matching.
#pragma once

#include <epp/plugin.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace epp::builtin {

inline bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// 1..63 of [A-Za-z0-9._-], beginning and ending alphanumeric.
inline bool is_label_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

// Lower-case DNS subdomain of at most 253 characters: dot-separated [a-z0-9-], each part alphanumeric at both ends.
inline bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::string_view part = text.substr(0, text.find('.'));
    const auto ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (part.empty() || !ok(part.front()) || !ok(part.back())) return false;
    if (!std::all_of(part.begin(), part.end(), [&](char c) { return ok(c) || c == '-'; })) return false;
    if (part.size() == text.size()) return true;
    text.remove_prefix(part.size() + 1);
  }
}

// [subdomain/]name
inline bool is_label_key(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_label_name(text);
  return is_dns_subdomain(text.substr(0, slash)) && is_label_name(text.substr(slash + 1));
}

inline bool is_label_value(std::string_view text) {
  return text.empty() || is_label_name(text);
}

// All requirements must hold; no requirement matches everything.
class LabelSelector {
 public:
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };

  // Throws sdk::Error when the key, a value or their number is wrong for the operator.
  void require(std::string key, Operator op, std::vector<std::string> values) {
    if (!is_label_key(key)) throw invalid("invalid label key \"" + key + '"');
    const bool set = op == Operator::kIn || op == Operator::kNotIn;
    if (set && values.empty()) throw invalid("for 'in', 'notin' operators, values set can't be empty");
    if (!set && !values.empty()) {
      throw invalid("values set must be empty for exists and does not exist");
    }
    for (const std::string& value : values) {
      if (!is_label_value(value)) throw invalid("invalid label value \"" + value + "\" of key \"" + key + '"');
    }
    requirements_.push_back({std::move(key), op, std::move(values)});
  }

  bool matches(const epp_endpoint& endpoint) const {
    return std::all_of(requirements_.begin(), requirements_.end(),
                       [&](const Requirement& requirement) { return requirement.holds(endpoint); });
  }

  // Reads {matchLabels, matchExpressions} from the parameters object.
  static LabelSelector from_parameters(const sdk::Parameters& parameters) {
    LabelSelector selector;
    for (size_t i = 0; i < parameters.count("/matchLabels"); ++i) {
      const std::string key = parameters.key("/matchLabels", i);
      selector.require(key, Operator::kIn, {parameters.text("/matchLabels" + sdk::pointer_token(key))});
    }
    for (size_t i = 0; i < parameters.count("/matchExpressions"); ++i) {
      const std::string expression = sdk::Parameters::element("/matchExpressions", i);
      selector.require(parameters.text(expression + "/key"), parse_operator(parameters.text(expression + "/operator")),
                       parameters.texts(expression + "/values"));
    }
    return selector;
  }

 private:
  struct Requirement {
    std::string key;
    Operator op;
    std::vector<std::string> values;

    bool holds(const epp_endpoint& endpoint) const {
      const std::string_view value = sdk::label(endpoint, key);
      const bool present = value.data() != nullptr;
      const bool listed = present && std::find(values.begin(), values.end(), value) != values.end();
      switch (op) {
        case Operator::kIn:
          return listed;
        case Operator::kNotIn:
          return !listed;
        case Operator::kExists:
          return present;
        case Operator::kDoesNotExist:
          return !present;
      }
      return false;
    }
  };

  static sdk::Error invalid(std::string message) { return sdk::Error(std::move(message), EPP_ERR_BAD_REQUEST); }

  static Operator parse_operator(std::string_view text) {
    if (text == "In") return Operator::kIn;
    if (text == "NotIn") return Operator::kNotIn;
    if (text == "Exists") return Operator::kExists;
    if (text == "DoesNotExist") return Operator::kDoesNotExist;
    throw invalid('"' + std::string(text) + "\" is not a valid label selector operator");
  }

  std::vector<Requirement> requirements_;
};

}  // namespace epp::builtin
