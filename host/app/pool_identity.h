// What the pool is called, and where its endpoints come from.
#pragma once

#include "config/flags.h"
#include "config/options.h"
#include "kube/label_selector.h"

#include <cstdint>
#include <optional>
#include <string>

namespace epp::app {

enum class EndpointOrigin : std::uint8_t {
  kStatic,    // --endpoint
  kFile,      // dataLayer.discovery
  kPool,      // --pool-name: an InferencePool of a cluster
  kSelector,  // --endpoint-selector: pods of a cluster
};

struct PoolIdentity {
  EndpointOrigin origin = EndpointOrigin::kStatic;
  std::string name;                             // of gauges and of the lease
  std::optional<kube::LabelSelector> selector;  // of kSelector

  [[nodiscard]] bool in_cluster() const {
    return origin == EndpointOrigin::kPool || origin == EndpointOrigin::kSelector;
  }
};

// `has_discovery`: the configuration names a discovery plugin. With a selector the pool is called as the Deployment
// whose pod POD_NAME is. Throws std::runtime_error.
PoolIdentity identify_pool(const config::Options& options, bool has_discovery, const config::Environment& environment);

}  // namespace epp::app
