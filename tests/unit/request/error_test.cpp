#include "request/error.h"

#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

TEST(Error, CodesAndStatuses) {
  for (const auto& [code, name, status] : std::vector<std::tuple<ErrorCode, std::string_view, std::optional<int>>>{
           {ErrorCode::kBadRequest, "BadRequest", 400},
           {ErrorCode::kUnauthorized, "Unauthorized", 401},
           {ErrorCode::kForbidden, "Forbidden", 403},
           {ErrorCode::kNotFound, "NotFound", 404},
           {ErrorCode::kPreconditionFailed, "PreconditionFailed", 412},
           {ErrorCode::kResourceExhausted, "ResourceExhausted", 429},
           {ErrorCode::kInternal, "Internal", 500},
           {ErrorCode::kServiceUnavailable, "ServiceUnavailable", 503},
           {ErrorCode::kModelServerError, "ModelServerError", std::nullopt},
           {ErrorCode::kUnknown, "Unknown", std::nullopt}}) {
    EXPECT_EQ(canonical_name(code), name);
    EXPECT_EQ(http_status(code), status) << name;
  }
}

TEST(RequestFormatsCheck, C02_ErrorBody) {
  EXPECT_EQ(format_error({ErrorCode::kBadRequest, "model not found in request body", {}}),
            "inference error: BadRequest - model not found in request body");
}

}  // namespace
}  // namespace epp::request
