#include "lifecycle/errors.h"

namespace epp::lifecycle {

using request::ErrorCode;

ErrorCode code_of(epp_status status, ErrorCode untyped) {
  switch (status) {
    case EPP_ERR_BAD_REQUEST:
      return ErrorCode::kBadRequest;
    case EPP_ERR_UNAUTHORIZED:
      return ErrorCode::kUnauthorized;
    case EPP_ERR_FORBIDDEN:
      return ErrorCode::kForbidden;
    case EPP_ERR_NOT_FOUND:
      return ErrorCode::kNotFound;
    case EPP_ERR_PRECONDITION_FAILED:
      return ErrorCode::kPreconditionFailed;
    case EPP_ERR_RESOURCE_EXHAUSTED:
      return ErrorCode::kResourceExhausted;
    case EPP_ERR_UNAVAILABLE:
      return ErrorCode::kServiceUnavailable;
    case EPP_ERR_INTERNAL:
      return ErrorCode::kInternal;
    default:
      return untyped;
  }
}

request::Error error_of(epp_status status, std::string_view message, std::string_view reason) {
  return {code_of(status), std::string(message), std::string(reason)};
}

request::Error standing_by() {
  return {ErrorCode::kServiceUnavailable, "this endpoint picker is a standby, another one leads",
          std::string(kReasonStandby)};
}

request::Error client_gone() {
  return {ErrorCode::kServiceUnavailable,
          "client disconnected: request evicted from queue: request context cancelled: context canceled",
          std::string(kReasonCancelled)};
}

std::string error_text(epp_status status, std::string_view message) {
  const ErrorCode code = code_of(status, ErrorCode::kUnknown);
  if (code == ErrorCode::kUnknown) return std::string(message);
  return request::format_error({code, std::string(message), {}});
}

}  // namespace epp::lifecycle
