// header-profile-handler: a request header names the scheduling profile to run.
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <string>

namespace {

class HeaderProfileHandler {
 public:
  explicit HeaderProfileHandler(epp::sdk::Context& context)
      : header_(epp::builtin::to_lower(context.parameters().text("/headerName", "EPP-Profile"))),
        default_profile_(context.parameters().text("/defaultProfile", "decode")) {}

  // One profile per request. A single configured profile always runs; an unknown name runs nothing.
  void pick_profiles(const epp::sdk::Request& request, const epp::sdk::Results& results,
                     std::span<uint32_t> decisions) const {
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (results[i].state != EPP_PROFILE_NOT_RUN) return;
    }
    if (results.size() == 1) {
      decisions[0] = EPP_DECIDE_RUN;
      return;
    }
    std::string_view wanted = epp::builtin::trim(request.header(header_));
    if (wanted.empty()) wanted = default_profile_;
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (epp::sdk::view(results[i].name) == wanted) decisions[i] = EPP_DECIDE_RUN;
    }
  }

  uint32_t process_profiles(const epp::sdk::Request&, const epp::sdk::Results& results, std::span<uint32_t>) const {
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (results[i].state == EPP_PROFILE_SUCCEEDED) return i;
      if (results[i].state == EPP_PROFILE_FAILED) {
        throw epp::sdk::Error("failed to run scheduler profile '" + std::string(epp::sdk::view(results[i].name)) + "'");
      }
    }
    throw epp::sdk::Error("no scheduling profile ran");
  }

 private:
  std::string header_;
  std::string default_profile_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<HeaderProfileHandler>({
    .name = "header-profile-handler",
    .description = "Runs the scheduling profile that a request header names",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "headerName": {"type": "string", "default": "EPP-Profile", "description": "Request header with the profile's name."},
        "defaultProfile": {"type": "string", "default": "decode", "description": "Profile for requests without the header."}
      }
    })json",
    .stability = EPP_STABILITY_ALPHA,
}))
