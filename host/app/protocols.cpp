#include "app/protocols.h"

#include <algorithm>

namespace epp::app {

bool parsers_speak(const request::ParserRegistry& parsers, std::string_view protocol) {
  if (protocol.empty()) return true;
  return std::all_of(parsers.parsers().begin(), parsers.parsers().end(), [&](const auto& parser) {
    const auto claims = parser->protocols();
    return claims.empty() || std::find(claims.begin(), claims.end(), protocol) != claims.end();
  });
}

}  // namespace epp::app
