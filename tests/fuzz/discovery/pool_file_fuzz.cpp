// Any pool file: no crash; every endpoint that comes out has an address and a port, every objective a name of its own
// and a weight to divide by.
#include "discovery/endpoint_entry.h"
#include "discovery/pool_file.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epp::discovery;
  auto parsed = parse_pool_file({reinterpret_cast<const char*>(data), size});
  auto* file = std::get_if<PoolFile>(&parsed);
  if (file == nullptr) return 0;
  for (const auto& entry : file->endpoints) {
    for (const auto allowed : {Addresses::kIpv4, Addresses::kIpOrDnsName}) {
      const auto spec = to_endpoint(entry, allowed);
      const auto* endpoint = std::get_if<epp::endpoints::EndpointSpec>(&spec);
      if (endpoint != nullptr && (endpoint->address.empty() || endpoint->port.empty())) std::abort();
    }
  }
  const auto* objectives = std::get_if<std::vector<epp::objectives::Objective>>(&file->objectives);
  if (objectives == nullptr) return 0;
  std::set<std::string_view> names;
  for (const auto& [name, terms, has_band] : *objectives) {
    if (name.empty() || !names.insert(name).second) std::abort();
    if (!(terms.weight > 0) || !std::isfinite(terms.weight)) std::abort();
  }
  return 0;
}
