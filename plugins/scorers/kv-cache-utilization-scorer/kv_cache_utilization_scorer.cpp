// kv-cache-utilization-scorer: the emptier an endpoint's KV cache, the better.
#include <epp/plugin.hpp>

namespace {

class KvCacheUtilizationScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;

  explicit KvCacheUtilizationScorer(epp::sdk::Context& context) : usage_(context.require_f64(EPP_KEY_KV_CACHE_USAGE)) {}

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    usage_.of(request, candidates).copy(scores, 0);
    for (double& score : scores)
      score = 1.0 - score;
  }

 private:
  epp::sdk::F64Column usage_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<KvCacheUtilizationScorer>({
    .name = "kv-cache-utilization-scorer",
    .description = "Prefers endpoints with a lower share of used KV cache",
}))
