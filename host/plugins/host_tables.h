// The tables of functions that the host offers to plugins (headers under epp/host). Internal to the room.
//
// They are the same for every library; what they act on comes with epp_self or epp_request.
#pragma once

#include "plugins/fault.h"

#include <epp/host/attributes.h>
#include <epp/host/instances.h>
#include <epp/host/request.h>
#include <epp/host/services.h>

#include <string_view>

namespace epp::plugins {

class Instance;

extern const epp_host_attributes kHostAttributes;
extern const epp_host_request kHostRequest;
extern const epp_host_log kHostLog;
extern const epp_host_clock kHostClock;
extern const epp_host_metrics kHostMetrics;
extern const epp_host_parameters kHostParameters;
extern const epp_host_async kHostAsync;
extern const epp_host_instances kHostInstances;

// The extension point of the instance's call that is under way on this thread; kCreate outside of any.
ExtensionPoint current_point(const Instance& instance);

inline std::string_view view(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}
inline epp_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace epp::plugins
