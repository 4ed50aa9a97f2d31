// Model rewrites: which model a request gets that asks for another one. Filled by discovery, read by the request path.
//
// Precedence: the oldest rule that names the model exactly, else the oldest generic rule, else none. Age is the
// object's creation; ties go by namespace/name, then by the rule's place in its object. A rule without targets is left
// out, as if it were not written: the next one counts.
//
// Target choice: with W the sum of weights, r is drawn from [0, W) and the first target whose running sum of weights
// exceeds r is taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::objectives {

struct RewriteTarget {
  std::string model;
  // Share among the rule's targets. None has one: all alike; some have: the others count as 1.
  std::optional<std::int32_t> weight;
  bool operator==(const RewriteTarget&) const = default;
};

struct RewriteRule {
  bool generic = false;             // matches any model
  std::vector<std::string> models;  // exact names
  std::vector<RewriteTarget> targets;
  bool operator==(const RewriteRule&) const = default;
};

struct ModelRewrite {
  std::string name_space;
  std::string name;
  std::int64_t created_ns = 0;
  std::vector<RewriteRule> rules;
  bool operator==(const ModelRewrite&) const = default;
};

struct RewriteDecision {
  std::string rule;    // name of the object, for the metric
  std::string target;  // not empty
};

class RewriteTable {
 public:
  RewriteTable();
  ~RewriteTable();
  RewriteTable(const RewriteTable&) = delete;
  RewriteTable& operator=(const RewriteTable&) = delete;

  // `model` may be empty: only generic rules. [any thread, concurrent] One atomic read while the table is empty, else
  // two hashes and a lock that is held to copy one pointer.
  [[nodiscard]] std::optional<RewriteDecision> choose(std::string_view model) const;
  // Every model name in a match or a target, each once, sorted. [any thread, concurrent]
  [[nodiscard]] std::vector<std::string> models() const;

  // Makes the rules those of `rewrites`. False when it already was so.
  // [any thread]
  bool replace(std::vector<ModelRewrite> rewrites);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace epp::objectives
