// Where the kinds of this discovery are served, in order of preference.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::discovery {

inline constexpr std::string_view kPoolGroup = "inference.networking.k8s.io";
inline constexpr std::string_view kPoolApi = "inference.networking.k8s.io/v1";
inline constexpr std::string_view kPolicyApi = "llm-d.ai/v1alpha2";
// The former home of all of them.
inline constexpr std::string_view kFormerGroup = "inference.networking.x-k8s.io";
inline constexpr std::string_view kFormerApi = "inference.networking.x-k8s.io/v1alpha2";

// The kinds that each group version serves; one that could not be asked is absent.
using ServedKinds = std::map<std::string, std::vector<std::string>, std::less<>>;

// Whether `api` serves `kind`; nullopt when it is not known.
[[nodiscard]] std::optional<bool> serves(const ServedKinds& served, std::string_view api, std::string_view kind);

// From where to read `kind`: `preferred` when it is served there, `former` when it surely is not and is served here,
// else as until now (`current`, which may be empty: from nowhere).
[[nodiscard]] std::string_view choose_api(const ServedKinds& served, std::string_view kind, std::string_view preferred,
                                          std::string_view former, std::string_view current);

// "/apis/GROUP/VERSION/namespaces/NS/PLURAL".
[[nodiscard]] std::string collection_path(std::string_view api, std::string_view name_space, std::string_view plural);

}  // namespace epp::discovery
