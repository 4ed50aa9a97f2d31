// Any endpoints file: no crash, and every endpoint that comes out has an address and a port.
#include "discovery/endpoints_file.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <variant>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epp::discovery;
  auto parsed = parse_endpoints_file({reinterpret_cast<const char*>(data), size});
  auto* entries = std::get_if<std::vector<FileEntry>>(&parsed);
  if (entries == nullptr) return 0;
  for (auto& entry : *entries) {
    for (const auto allowed : {Addresses::kIpv4, Addresses::kIpOrDnsName}) {
      const auto spec = to_endpoint(entry, allowed);
      const auto* endpoint = std::get_if<epp::endpoints::EndpointSpec>(&spec);
      if (endpoint != nullptr && (endpoint->address.empty() || endpoint->port.empty())) std::abort();
    }
  }
  return 0;
}
