// my-plugin: endpoints where `busy` requests or more wait for their turn are busy.
//
// %only scorer
// The score falls from 1 where nobody waits to 0 at `busy`.
// %only filter
// Busy endpoints are out of the question, unless all are.
// %only picker
// Picks the highest score among the endpoints that are not busy; when all are, the highest of all.
// %all
#include <epp/plugin.hpp>

// %only scorer
#include <algorithm>
// %only picker
#include <utility>
// %all

namespace {

class MyPlugin {
 public:
  // Reads the parameters, which fit the schema below, and declares the attributes that are used. Throw epp::sdk::Error
  // to refuse the configuration.
  explicit MyPlugin(epp::sdk::Context& context)
      : busy_(context.parameters().number("/busy", 8)), waiting_(context.require_f64(EPP_KEY_WAITING_QUEUE_SIZE)) {}

  // Called by many threads at once: it takes microseconds, reads the instance and writes nothing but its answer. A
  // queue that is not known counts as empty.
  // %only scorer
  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const auto waiting = waiting_.of(request, candidates);
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      scores[i] = 1 - std::clamp(waiting.or_else(i, 0) / busy_, 0.0, 1.0);
    }
  }
  // %only filter
  void filter(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    const auto waiting = waiting_.of(request, candidates);
    kept.keep_if(candidates, [&](uint32_t i) { return waiting.or_else(i, 0) < busy_; });
    if (kept.count() == 0) kept.keep_all(candidates);
  }
  // %only picker
  void pick(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<const double> scores,
            epp::sdk::Picks& picks) const {
    const auto waiting = waiting_.of(request, candidates);
    const auto rank = [&](uint32_t i) { return std::pair(waiting.or_else(i, 0) < busy_, scores[i]); };
    uint32_t best = 0;
    for (uint32_t i = 1; i < candidates.size(); ++i) {
      if (rank(best) < rank(i)) best = i;
    }
    picks.add(best);
  }
  // %all

 private:
  double busy_;
  epp::sdk::F64Column waiting_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<MyPlugin>({
    .name = "my-plugin",
    // %only scorer
    .description = "Scores endpoints by how few requests wait for them",
    // %only filter
    .description = "Keeps endpoints for which few requests wait",
    // %only picker
    .description = "Picks the best endpoint for which few requests wait",
    // %all
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "busy": {
          "type": "number", "exclusiveMinimum": 0, "default": 8,
          "description": "Waiting requests from which on an endpoint is busy."
        }
      }
    })json",
    .vendor = "example",
}))
