// header-label-affinity-scorer: prefers endpoints whose label has the value that a request header asks for.
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <string>

namespace {

class HeaderLabelAffinityScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_AFFINITY;

  explicit HeaderLabelAffinityScorer(epp::sdk::Context& context)
      : header_(epp::builtin::to_lower(context.parameters().text("/headerName"))),
        label_(context.parameters().text("/labelKey")) {
    if (header_.empty()) throw epp::sdk::Error("headerName must be specified", EPP_ERR_BAD_REQUEST);
    if (label_.empty()) throw epp::sdk::Error("labelKey must be specified", EPP_ERR_BAD_REQUEST);
  }

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const std::string_view wanted = request.header(header_);
    if (wanted.empty()) return;
    for (uint32_t i = 0; i < candidates.size(); ++i)
      scores[i] = epp::sdk::label(candidates.endpoint(i), label_) == wanted ? 1.0 : 0.0;
  }

 private:
  std::string header_;
  std::string label_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<HeaderLabelAffinityScorer>({
    .name = "header-label-affinity-scorer",
    .description = "Prefers endpoints whose label equals a request header",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "headerName": {"type": "string", "description": "Request header with the wanted value; required."},
        "labelKey": {"type": "string", "description": "Label of the endpoints to compare; required."}
      }
    })json",
    .stability = EPP_STABILITY_ALPHA,
}))
