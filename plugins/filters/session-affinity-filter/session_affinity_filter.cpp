// session-affinity-filter: keeps only the endpoint that a session belongs to, while it is a candidate.
#include "../../common/session_affinity.h"

#include <epp/plugin.hpp>

namespace {

class SessionAffinityFilter {
 public:
  explicit SessionAffinityFilter(epp::sdk::Context& context) : affinity_(context) {}

  void filter(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    if (const auto position = affinity_.preferred(request, candidates)) {
      kept.keep(candidates.slot(*position));
    } else {
      kept.keep_all(candidates);
    }
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

EPP_PLUGIN_TYPES(epp::sdk::type<SessionAffinityFilter>({
                     .name = "session-affinity-filter",
                     .description = "Keeps only the endpoint that the request's session belongs to",
                     .parameters_schema = epp::builtin::kSessionAffinitySchema,
                     .stability = EPP_STABILITY_ALPHA,
                 }),
                 epp::sdk::type<SessionAffinityFilter>({
                     .name = "multicluster-session-affinity-filter",
                     .description = "session-affinity-filter over clusters",
                     .parameters_schema = epp::builtin::kSessionAffinitySchema,
                     .stability = EPP_STABILITY_ALPHA,
                 }))
