#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::request {

/// Why a request is refused. Codes without an HTTP status end the ext-proc stream with a gRPC error instead.
enum class ErrorCode : std::uint8_t {
  kUnknown,
  kBadRequest,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kPreconditionFailed,
  kResourceExhausted,
  kInternal,
  kServiceUnavailable,
  kModelServerError,
};

/// The name used in error bodies and in the `error_code` metric label, e.g. "BadRequest".
std::string_view canonical_name(ErrorCode code);

/// The status of the immediate response; nullopt where none is defined.
std::optional<int> http_status(ErrorCode code);

/// Response header that carries `Error::drop_reason`.
inline constexpr std::string_view kDropReasonHeader = "x-llm-d-request-dropped-reason";

struct Error {
  ErrorCode code = ErrorCode::kUnknown;
  std::string message;
  /// Value of `kDropReasonHeader`, e.g. "rejected-no-endpoints"; empty: the header is not sent.
  std::string drop_reason;

  bool operator==(const Error&) const = default;
};

/// The body of the immediate response: "inference error: <Code> - <message>".
std::string format_error(const Error& error);

}  // namespace epp::request
