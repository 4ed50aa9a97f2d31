#include "support/pool_file.h"

#include <nlohmann/json.hpp>

namespace epp::testing {

using nlohmann::json;

void PoolFile::write(const std::vector<PoolEndpoint>& endpoints, const std::vector<PoolObjective>& objectives) const {
  json page = {{"endpoints", json::array()}, {"objectives", json::array()}};
  for (const PoolEndpoint& endpoint : endpoints) {
    page["endpoints"].push_back({{"name", endpoint.name},
                                 {"address", endpoint.address},
                                 {"port", std::to_string(endpoint.port)},
                                 {"labels", endpoint.labels}});
  }
  for (const PoolObjective& objective : objectives) {
    page["objectives"].push_back(
        {{"name", objective.name}, {"priority", objective.priority}, {"weight", objective.weight}});
  }
  write_file(path(), page.dump());
}

std::string PoolFile::plugin() const {
  return json({{"type", "file-discovery"}, {"parameters", {{"path", path().string()}, {"watchFile", true}}}}).dump();
}

}  // namespace epp::testing
