// What is wrong with a configuration, where, and what would have been right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epp::config {

// 1-based, columns in bytes. Line 0 means "not known".
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// The text that a document came from: its label (a path, or "--config-text") and where each value begins.
class SourceMap {
 public:
  SourceMap() = default;
  explicit SourceMap(std::string file) : file_(std::move(file)) {}

  void record(std::string pointer, Position position) { positions_.insert_or_assign(std::move(pointer), position); }

  // The position of the value at a JSON pointer (RFC 6901), else of its nearest ancestor.
  Position find(std::string_view pointer) const;
  const std::string& file() const { return file_; }

 private:
  std::string file_;
  std::unordered_map<std::string, Position> positions_;
};

enum class Severity { kError, kWarning, kDeprecation };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string text;      // the reference's wording, prefix chain included
  std::string pointer;   // JSON pointer into the document; "" is the document itself
  std::string expected;  // our addition: what would have been accepted
  std::string nearest;   // our addition: the known name that is closest to the unknown one
};

// Collects every independent finding of one load, in the order found.
class Diagnostics {
 public:
  void add(Diagnostic diagnostic);
  void error(std::string text, std::string pointer = {}, std::string expected = {}, std::string nearest = {});
  void warning(std::string text, std::string pointer = {});
  void deprecation(std::string text, std::string pointer = {});

  bool has_errors() const { return errors_ != 0; }
  std::size_t error_count() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return items_; }

 private:
  std::vector<Diagnostic> items_;
  std::size_t errors_ = 0;
};

// One line: `<text> (<file>:<line>:<column> at <pointer>; expected ...; did you mean "..."?)`.
// The parenthesis is left out when it would be empty.
std::string render(const Diagnostic& diagnostic, const SourceMap& source);

// `token` as one reference token of a JSON pointer: ~ and / escaped.
std::string escape_pointer_token(std::string_view token);
std::string child_pointer(std::string_view parent, std::string_view token);
std::string child_pointer(std::string_view parent, std::size_t index);

// The candidate within a small edit distance of `name` (ignoring case), or "" when none is close.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace epp::config
