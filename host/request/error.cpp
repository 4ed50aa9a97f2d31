#include "request/error.h"

namespace epp::request {

std::string_view canonical_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknown:
      return "Unknown";
    case ErrorCode::kBadRequest:
      return "BadRequest";
    case ErrorCode::kUnauthorized:
      return "Unauthorized";
    case ErrorCode::kForbidden:
      return "Forbidden";
    case ErrorCode::kNotFound:
      return "NotFound";
    case ErrorCode::kPreconditionFailed:
      return "PreconditionFailed";
    case ErrorCode::kResourceExhausted:
      return "ResourceExhausted";
    case ErrorCode::kInternal:
      return "Internal";
    case ErrorCode::kServiceUnavailable:
      return "ServiceUnavailable";
    case ErrorCode::kModelServerError:
      return "ModelServerError";
  }
  return "Unknown";
}

std::optional<int> http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadRequest:
      return 400;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kPreconditionFailed:
      return 412;
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kInternal:
      return 500;
    case ErrorCode::kServiceUnavailable:
      return 503;
    case ErrorCode::kUnknown:
    case ErrorCode::kModelServerError:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string format_error(const Error& error) {
  std::string text = "inference error: ";
  text += canonical_name(error.code);
  text += " - ";
  text += error.message;
  return text;
}

}  // namespace epp::request
