// session-id-producer: publishes the session id that a client sends in a header or a cookie.
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <string>

namespace {

// Value of the first cookie of that name, as it stands; empty when there is none.
std::string_view cookie(std::string_view header, std::string_view name) {
  std::string_view found;
  epp::builtin::split(header, ';', [&](std::string_view pair) {
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name || found.data() != nullptr) return;
    found = pair.substr(equals + 1);
  });
  return found;
}

class SessionIdProducer {
 public:
  explicit SessionIdProducer(epp::sdk::Context& context)
      : header_(epp::builtin::to_lower(epp::builtin::trim(context.parameters().text("/headerName")))),
        cookie_(context.parameters().text("/cookieName")),
        session_id_(context.produce_value(epp::sdk::data_key("SessionIDDataKey", context.name()), EPP_TYPE_STR)) {
    if (header_.empty() == cookie_.empty()) {
      throw epp::sdk::Error("exactly one of headerName or cookieName must be set", EPP_ERR_BAD_REQUEST);
    }
  }

  void produce(const epp::sdk::Request& request, const epp::sdk::Candidates&) const {
    const std::string_view raw = header_.empty() ? cookie(request.header("cookie"), cookie_) : request.header(header_);
    const std::string_view id = epp::builtin::trim(raw);
    if (!id.empty()) session_id_.set(request, id);
  }

 private:
  std::string header_;
  std::string cookie_;
  epp::sdk::RequestValue session_id_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<SessionIdProducer>({
    .name = "session-id-producer",
    .description = "Publishes the client's session id from a header or cookie",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "headerName": {"type": "string", "description": "Request header with the session id."},
        "cookieName": {"type": "string", "description": "Cookie with the session id; case-sensitive."}
      }
    })json",
}))
