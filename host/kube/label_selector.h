// Label selectors: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>5,m<5`. A comma is AND.
#pragma once

#include "kube/objects.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace epp::kube {

class LabelSelector {
 public:
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kAbsent, kGreater, kLess };
  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;  // sorted, unique; kIn and kNotIn: at least one; kGreater and kLess: one
    std::int64_t bound = 0;           // of kGreater and kLess
    bool operator==(const Requirement&) const = default;
  };

  LabelSelector() = default;  // matches everything

  // The grammar above, or what is wrong with `text`.
  [[nodiscard]] static std::variant<LabelSelector, std::string> parse(std::string_view text);
  // Each key equals its value.
  [[nodiscard]] static LabelSelector equal_to(const Labels& labels);

  [[nodiscard]] bool matches(const Labels& labels) const;
  // The canonical form, requirements by key: for the API server's labelSelector parameter and to tell a change.
  [[nodiscard]] std::string text() const;
  bool operator==(const LabelSelector&) const = default;

 private:
  std::vector<Requirement> requirements_;  // sorted by key
};

}  // namespace epp::kube
