// The columns of a prefix producer, as consumers read them.
#pragma once

#include <epp/plugin.hpp>

#include <string>
#include <string_view>

namespace epp::builtin {

inline constexpr std::string_view kDefaultPrefixProducer = "approx-prefix-cache-producer";

// Key of one field of the prefix match information of `producer`; an empty name means the default producer.
inline std::string prefix_match_key(std::string_view producer, std::string_view field) {
  return sdk::data_key(EPP_KEY_PREFIX_MATCH_TYPE, producer.empty() ? kDefaultPrefixProducer : producer, field);
}

}  // namespace epp::builtin
