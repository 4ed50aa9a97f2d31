// running-requests-size-scorer: the fewer requests run on an endpoint, the better.
#include "../../common/lower_is_better.h"

#include <epp/plugin.hpp>

namespace {

class RunningRequestsSizeScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;

  explicit RunningRequestsSizeScorer(epp::sdk::Context& context)
      : running_(context.require_f64(EPP_KEY_RUNNING_REQUESTS_SIZE)) {}

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    epp::builtin::score_lower_is_better(running_.of(request, candidates), scores);
  }

 private:
  epp::sdk::F64Column running_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<RunningRequestsSizeScorer>({
    .name = "running-requests-size-scorer",
    .description = "Prefers endpoints with fewer running requests",
}))
