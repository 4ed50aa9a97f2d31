// From what plugins and the scheduler answer to what the client is told.
#pragma once

#include "request/error.h"

#include <epp/abi.h>

#include <string_view>

namespace epp::lifecycle {

/// An EPP_ERR_* as an error code. An untyped error is `untyped`: without a code of its own it would end the stream with
/// a gRPC error, and a proxy that fails open would then route the request past every policy.
request::ErrorCode code_of(epp_status status, request::ErrorCode untyped = request::ErrorCode::kInternal);

request::Error error_of(epp_status status, std::string_view message, std::string_view reason);

/// The text of an error inside another one: "inference error: <Code> - <message>", or only the message if untyped.
std::string error_text(epp_status status, std::string_view message);

inline constexpr std::string_view kReasonNoEndpoints = "rejected-no-endpoints";
inline constexpr std::string_view kReasonSaturated = "rejected-saturated";
inline constexpr std::string_view kReasonCancelled = "rejected-context-cancelled";

inline constexpr std::string_view kReasonStandby = "rejected-standby";

/// This endpoint picker waits to take over from another one.
request::Error standing_by();

/// The client went away while its request waited in the queue.
request::Error client_gone();

}  // namespace epp::lifecycle
