// What operators say about models, as the request path asks for it. Implemented by the Kubernetes side; without it
// nothing is known. [any thread, concurrent; must not block]
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace epp::lifecycle {

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
