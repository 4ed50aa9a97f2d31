#include "plugins/call_board.h"
#include "plugins/host_tables.h"
#include "plugins/hosted_instance.h"

#include <epp/abi.h>

#include <array>
#include <string_view>
#include <utility>

namespace epp::plugins {

namespace {

constexpr std::string_view kName = "epp-host";
constexpr std::string_view kVersion = EPP_HOST_VERSION;

const void* get_extension(const epp_host*, epp_str id) {
  static const std::array<std::pair<std::string_view, const void*>, 8> kTables = {{
      {EPP_HOST_ATTRIBUTES, &kHostAttributes},
      {EPP_HOST_REQUEST, &kHostRequest},
      {EPP_HOST_LOG, &kHostLog},
      {EPP_HOST_CLOCK, &kHostClock},
      {EPP_HOST_METRICS, &kHostMetrics},
      {EPP_HOST_PARAMETERS, &kHostParameters},
      {EPP_HOST_ASYNC, &kHostAsync},
      {EPP_HOST_INSTANCES, &kHostInstances},
  }};
  for (const auto& [name, table] : kTables) {
    if (name == view(id)) return table;
  }
  return nullptr;
}

}  // namespace

ExtensionPoint current_point(const Instance& instance) {
  const CallRecord* const record = CallBoard::record();
  const bool called = record != nullptr && record->instance.load(std::memory_order_relaxed) == &instance;
  return called ? record->point.load(std::memory_order_relaxed) : ExtensionPoint::kCreate;
}

const epp_host& abi_host() {
  static const epp_host kHost{sizeof(epp_host), EPP_ABI_MAJOR,    EPP_ABI_MINOR, 0,
                              to_abi(kName),    to_abi(kVersion), &get_extension};
  return kHost;
}

}  // namespace epp::plugins
