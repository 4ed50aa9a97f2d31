// header-based-testing-filter: lets a test choose the endpoints with the header test-epp-endpoint-selection, a comma
// list of ip, ip:port, v6 or [v6]:port. The result follows the header's order; no header keeps nothing.
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <vector>

namespace {

constexpr std::string_view kHeader = "test-epp-endpoint-selection";

struct Address {
  std::string_view ip;
  std::string_view port;  // empty: any
};

Address parse_address(std::string_view text) {
  if (text.front() == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return {text, {}};
    const std::string_view rest = text.substr(close + 1);
    return {text.substr(1, close - 1), rest.starts_with(':') ? rest.substr(1) : std::string_view{}};
  }
  const size_t colon = text.find(':');
  const bool one_colon = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (!one_colon) return {text, {}};  // an IPv4 address, or IPv6 without port
  return {text.substr(0, colon), text.substr(colon + 1)};
}

class HeaderBasedTestingFilter {
 public:
  explicit HeaderBasedTestingFilter(epp::sdk::Context&) {}

  // An address without a port means all endpoints that share it: the ranks of one server.
  void filter(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    std::vector<uint32_t> chosen;
    epp::builtin::split(request.header(kHeader), ',', [&](std::string_view item) {
      const Address wanted = parse_address(item);
      for (uint32_t i = 0; i < candidates.size(); ++i) {
        const epp_endpoint& endpoint = candidates.endpoint(i);
        if (epp::sdk::view(endpoint.address) != wanted.ip) continue;
        if (!wanted.port.empty() && epp::sdk::view(endpoint.port) != wanted.port) continue;
        if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) {
          chosen.push_back(i);
          kept.keep(candidates.slot(i));
        }
      }
    });
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<HeaderBasedTestingFilter>({
    .name = "header-based-testing-filter",
    .description = "Keeps the endpoints that a test names in a request header",
}))
