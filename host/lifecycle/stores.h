// What operators say about models and priorities, as the request path asks for it. Implemented by the Kubernetes side;
// without it nothing is known. [any thread, concurrent; must not block]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::lifecycle {

class ObjectiveStore {
 public:
  virtual ~ObjectiveStore() = default;
  /// Priority of the objective of this name; nullopt when unknown or unset.
  virtual std::optional<std::int32_t> priority(std::string_view objective) const = 0;
};

struct RewriteDecision {
  std::string rule;    ///< name of the resource, for the metric
  std::string target;  ///< may be empty: the rule has no target
};

class RewriteStore {
 public:
  virtual ~RewriteStore() = default;
  /// The rule with the highest precedence for `model` (may be empty: only generic rules), and its choice of target.
  virtual std::optional<RewriteDecision> rewrite(std::string_view model) const = 0;
};

}  // namespace epp::lifecycle
