#include "plugins/fault.h"

#include <array>

namespace epp::plugins {

std::string_view to_string(ExtensionPoint point) {
  static constexpr std::array<std::string_view, kExtensionPointCount> kNames = {"RequestHeader",
                                                                                "Screener",
                                                                                "DataProducer",
                                                                                "Admission",
                                                                                "ProfilePicker",
                                                                                "Filter",
                                                                                "Scorer",
                                                                                "Picker",
                                                                                "ProcessProfilesResults",
                                                                                "PreRequest",
                                                                                "ResponseReceived",
                                                                                "ResponseStreaming",
                                                                                "ResponseComplete",
                                                                                "SaturationDetector",
                                                                                "Fairness",
                                                                                "Ordering",
                                                                                "UsageLimits",
                                                                                "EvictionFilter",
                                                                                "EvictionOrdering",
                                                                                "DataProducerCancel",
                                                                                "StateDrop",
                                                                                "EndpointEvents",
                                                                                "StateDump",
                                                                                "Readiness",
                                                                                "Timer",
                                                                                "Create",
                                                                                "Bind",
                                                                                "Destroy"};
  return kNames[static_cast<size_t>(point)];
}

std::string_view to_string(Fault fault) {
  static constexpr std::array<std::string_view, kFaultCount> kNames = {
      "error",           "nan",       "out_of_range", "timeout", "scope_read", "scope_write",
      "late_completion", "exception", "hung",         "bypassed"};
  return kNames[static_cast<size_t>(fault)];
}

}  // namespace epp::plugins
