// decode-filter, prefill-filter, encode-filter: keep the endpoints that play one role of disaggregated serving, as told
// by their label llm-d.ai/role.
#include <epp/plugin.hpp>

#include <algorithm>
#include <array>

namespace {

constexpr std::string_view kRoleLabel = "llm-d.ai/role";

struct Decode {
  static constexpr std::array<std::string_view, 4> kRoles{"decode", "prefill-decode", "both", "encode-prefill-decode"};
  static constexpr bool kKeepUnlabelled = true;
};

struct Prefill {
  static constexpr std::array<std::string_view, 5> kRoles{"prefill", "encode-prefill", "prefill-decode", "both",
                                                          "encode-prefill-decode"};
  static constexpr bool kKeepUnlabelled = false;
};

struct Encode {
  static constexpr std::array<std::string_view, 3> kRoles{"encode", "encode-prefill", "encode-prefill-decode"};
  static constexpr bool kKeepUnlabelled = false;
};

template <typename Stage>
class RoleFilter {
 public:
  explicit RoleFilter(epp::sdk::Context&) {}

  void filter(const epp::sdk::Request&, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    kept.keep_if(candidates, [&](uint32_t i) {
      const std::string_view role = epp::sdk::label(candidates.endpoint(i), kRoleLabel);
      if (role.data() == nullptr) return Stage::kKeepUnlabelled;
      return std::find(Stage::kRoles.begin(), Stage::kRoles.end(), role) != Stage::kRoles.end();
    });
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<RoleFilter<Decode>>({
                     .name = "decode-filter",
                     .description = "Keeps endpoints that can decode",
                 }),
                 epp::sdk::type<RoleFilter<Prefill>>({
                     .name = "prefill-filter",
                     .description = "Keeps endpoints that can prefill",
                 }),
                 epp::sdk::type<RoleFilter<Encode>>({
                     .name = "encode-filter",
                     .description = "Keeps endpoints that can encode multimodal content",
                 }))
