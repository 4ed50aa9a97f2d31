#pragma once

#include "request/parser.h"

#include <string_view>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

namespace epp::request {

/// The request, or a failed test and an empty one. `body` must outlive the result: use literals.
inline ParsedRequest parse_ok(const Parser& parser, std::string_view path, std::string_view body) {
  ParseResult result = parser.parse(path, body);
  if (const auto* error = std::get_if<Error>(&result)) {
    ADD_FAILURE() << path << " " << body << ": " << error->message;
    return {};
  }
  return std::get<ParsedRequest>(std::move(result));
}

/// The text of the refusal, which must be a BadRequest; empty if the body was accepted.
inline std::string parse_error(const Parser& parser, std::string_view path, std::string_view body) {
  const ParseResult result = parser.parse(path, body);
  const auto* error = std::get_if<Error>(&result);
  if (error == nullptr) return {};
  EXPECT_EQ(error->code, ErrorCode::kBadRequest);
  EXPECT_EQ(error->drop_reason, "");
  return error->message;
}

}  // namespace epp::request
