// Leases and their events as the API server wants them.
#pragma once

#include "kube/objects.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace epp::kube {

// MicroTime: RFC 3339 in UTC with six fractional digits, "2025-01-02T03:04:05.000678Z".
[[nodiscard]] std::string micro_time(std::chrono::system_clock::time_point time);

// The body that writes `record`. Over `base`, an object as the server gave it, what is not of the election stays.
[[nodiscard]] std::string lease_body(const Lease& record, std::string_view name_space, std::string_view name,
                                     const Json& base);

// A Normal event of reason LeaderElection about the lease.
[[nodiscard]] std::string election_event_body(const Lease& record, std::string_view name_space, std::string_view name,
                                              std::string_view message, std::chrono::system_clock::time_point time);

}  // namespace epp::kube
