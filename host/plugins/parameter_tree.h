// Parameters of an instance under construction, by JSON pointer (behind epp.host.parameters/1).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epp::plugins {

class ParameterTree {
 public:
  // An absent text is an empty object. `ok()` is false when the text is not a JSON object.
  explicit ParameterTree(const std::optional<std::string>& text);
  ~ParameterTree();

  bool ok() const;
  uint32_t kind(std::string_view pointer) const;  // EPP_JSON_*
  bool boolean(std::string_view pointer) const;
  double number(std::string_view pointer) const;                       // NaN when it is none
  const std::string* string(std::string_view pointer) const;           // nullptr when it is none
  uint64_t count(std::string_view pointer) const;                      // elements or members
  const std::string* key(std::string_view pointer, uint64_t i) const;  // in document order

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace epp::plugins
