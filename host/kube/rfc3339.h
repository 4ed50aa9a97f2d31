// Times as the API server writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace epp::kube {

// Nanoseconds since the epoch of "2025-01-02T03:04:05Z", with up to nine fractional digits and any offset; nullopt for
// anything else and outside of the years 1678..2261, which 64 bits cannot hold.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace epp::kube
