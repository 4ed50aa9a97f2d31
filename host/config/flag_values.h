// Values of flags as upstream's flag library reads them. Each returns nullopt, or the reason why the text is refused.
#pragma once

#include "config/options.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace epp::config {

using Refusal = std::optional<std::string>;

Refusal parse_flag(const std::string& text, bool& out);           // 1 t T TRUE true True, 0 f F FALSE false False
Refusal parse_flag(const std::string& text, std::int64_t& out);   // decimal, 0x, 0b, 0o or leading 0; '_' with a prefix
Refusal parse_flag(const std::string& text, std::uint16_t& out);  // a port, 0..65535
Refusal parse_flag(const std::string& text, std::chrono::nanoseconds& out);
Refusal parse_size_flag(const std::string& text, std::int64_t& out);                 // "" is 0
Refusal parse_ports_flag(const std::string& text, std::vector<std::uint16_t>& out);  // comma list; adds what is new
Refusal parse_endpoint_flag(const std::string& text, std::vector<StaticEndpoint>& out);

}  // namespace epp::config
