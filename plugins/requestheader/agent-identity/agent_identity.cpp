// agent-identity: finds out which agent session a request belongs to, from the headers that agent tools send. Requests
// without a fairness header are queued fairly by it.
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <string>
#include <vector>

namespace {

class AgentIdentity {
 public:
  explicit AgentIdentity(epp::sdk::Context& context)
      : identity_(context.produce_value("agent-identity/", EPP_TYPE_STR)) {
    for (const std::string& header : context.parameters().texts("/additionalSessionHeaders"))
      headers_.push_back(epp::builtin::to_lower(header));
    headers_.insert(headers_.end(), {"x-claude-code-session-id", "x-session-affinity", "session-id", "session_id"});
  }

  void on_request_header(const epp::sdk::Request& request) const {
    for (const std::string& header : headers_) {
      const std::string_view value = request.header(header);
      if (value.empty()) continue;
      identity_.set(request, value);
      return;
    }
  }

 private:
  std::vector<std::string> headers_;
  epp::sdk::RequestValue identity_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<AgentIdentity>({
    .name = "agent-identity",
    .description = "Takes the fairness id from the session headers of agent tools",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "additionalSessionHeaders": {
          "type": "array", "items": {"type": "string"},
          "description": "Headers to look at before the known ones."
        }
      }
    })json",
    .stability = EPP_STABILITY_ALPHA,
}))
