// Base64, and what may stand in a header.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace epp::kube {

[[nodiscard]] std::string encode_base64(std::string_view bytes);
// Standard alphabet; line breaks and blanks are skipped. nullopt for anything else, and for wrong padding.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

// May stand in a header field: no control characters.
[[nodiscard]] bool is_header_text(std::string_view text);

}  // namespace epp::kube
