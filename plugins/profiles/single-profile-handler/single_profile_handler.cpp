// single-profile-handler: runs the one scheduling profile there is.
#include <epp/plugin.hpp>

#include <algorithm>
#include <string>

namespace {

class SingleProfileHandler {
 public:
  explicit SingleProfileHandler(epp::sdk::Context&) {}

  void bind_profiles(std::span<const std::string_view> names) const {
    if (names.size() > 1) {
      throw epp::sdk::Error("SingleProfileHandler cannot support multiple scheduling profiles", EPP_ERR_BAD_REQUEST);
    }
  }

  void pick_profiles(const epp::sdk::Request&, const epp::sdk::Results& results, std::span<uint32_t> decisions) const {
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (results[i].state == EPP_PROFILE_NOT_RUN) decisions[i] = EPP_DECIDE_RUN;
    }
  }

  uint32_t process_profiles(const epp::sdk::Request&, const epp::sdk::Results& results, std::span<uint32_t>) const {
    if (results.size() != 1) {
      throw epp::sdk::Error("single profile handler is intended to be used with a single profile");
    }
    if (results[0].state != EPP_PROFILE_SUCCEEDED) {
      throw epp::sdk::Error("failed to run scheduler profile '" + std::string(epp::sdk::view(results[0].name)) + "'");
    }
    return 0;
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<SingleProfileHandler>({
    .name = "single-profile-handler",
    .description = "Runs the only scheduling profile",
}))
