// session-affinity-scorer: 1 for the endpoint that a session belongs to, 0 for the others.
#include "../../common/session_affinity.h"

#include <epp/plugin.hpp>

namespace {

class SessionAffinityScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_AFFINITY;

  explicit SessionAffinityScorer(epp::sdk::Context& context) : affinity_(context) {}

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    if (const auto position = affinity_.preferred(request, candidates)) scores[*position] = 1.0;
  }
  void pre_request(const epp::sdk::Request& request, const epp::sdk::Results& results) {
    affinity_.pre_request(request, results);
  }
  void on_response_header(const epp::sdk::Request& request, const epp_response&) const {
    affinity_.on_response_header(request);
  }

 private:
  epp::builtin::SessionAffinity affinity_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<SessionAffinityScorer>({
    .name = "session-affinity-scorer",
    .description = "Prefers the endpoint that the request's session belongs to",
    .parameters_schema = epp::builtin::kSessionAffinitySchema,
    .stability = EPP_STABILITY_ALPHA,
}))
