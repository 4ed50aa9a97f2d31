// load-aware-scorer: absolute waiting load against a threshold, so that a score means the same in every pool.
#include <epp/plugin.hpp>

#include <algorithm>

namespace {

class LoadAwareScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;
  static constexpr int64_t kDefaultThreshold = 128;

  explicit LoadAwareScorer(epp::sdk::Context& context) : waiting_(context.require_f64(EPP_KEY_WAITING_QUEUE_SIZE)) {
    int64_t threshold = context.parameters().integer("/threshold", kDefaultThreshold);
    if (threshold <= 0) {
      context.host().log(EPP_LEVEL_INFO, "load-aware-scorer: threshold must be positive, using the default",
                         {epp::sdk::field("threshold", static_cast<double>(threshold)),
                          epp::sdk::field("default", static_cast<double>(kDefaultThreshold))});
      threshold = kDefaultThreshold;
    }
    threshold_ = static_cast<double>(threshold);
  }

  // An idle endpoint gets 0.5, which falls linearly to 0 at the threshold.
  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const auto waiting = waiting_.of(request, candidates);
    for (uint32_t i = 0; i < scores.size(); ++i)
      scores[i] = 0.5 * (1.0 - std::min(waiting.or_else(i, 0), threshold_) / threshold_);
  }

 private:
  epp::sdk::F64Column waiting_;
  double threshold_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<LoadAwareScorer>({
    .name = "load-aware-scorer",
    .description = "Scores endpoints by waiting requests relative to a fixed threshold",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "threshold": {
          "type": "integer", "default": 128,
          "description": "Waiting requests at which the score reaches 0; 0 and less mean the default."
        }
      }
    })json",
}))
