// queue-scorer: the fewer requests wait on an endpoint, the better.
#include "../../common/lower_is_better.h"

#include <epp/plugin.hpp>

namespace {

class QueueScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;

  explicit QueueScorer(epp::sdk::Context& context) : waiting_(context.require_f64(EPP_KEY_WAITING_QUEUE_SIZE)) {}

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    epp::builtin::score_lower_is_better(waiting_.of(request, candidates), scores);
  }

 private:
  epp::sdk::F64Column waiting_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<QueueScorer>({
    .name = "queue-scorer",
    .description = "Prefers endpoints with fewer waiting requests",
}))
