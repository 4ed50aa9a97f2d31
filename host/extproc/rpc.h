// A gRPC method that takes one message and answers with one, without generated code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace epp::extproc {

/// Numbers of gRPC's status codes that are used here.
inline constexpr int kRpcOk = 0;
inline constexpr int kRpcUnknown = 2;
inline constexpr int kRpcInvalidArgument = 3;
inline constexpr int kRpcNotFound = 5;
inline constexpr int kRpcUnimplemented = 12;

struct UnaryReply {
  int code = kRpcOk;
  std::string error;    ///< when code is not OK
  std::string message;  ///< serialised, when code is OK
};

/// [any thread, concurrent; must not block]
class UnaryService {
 public:
  virtual ~UnaryService() = default;
  /// `method` is "/package.Service/Method". nullopt: not served here.
  virtual std::optional<UnaryReply> call(std::string_view method, std::string_view request) = 0;
};

}  // namespace epp::extproc
