// The messages of an exchange as Envoy sends them, serialised beforehand: a request only fills in what is its own.
#pragma once

#include "bench/wire/workload.h"

#include <cstdint>
#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

namespace epp::bench {

/// A ProcessingRequest whose bytes are the same each time, but for one hole.
class MessageTemplate {
 public:
  /// `serialised` has `hole` in it at most once.
  MessageTemplate(const std::string& serialised, const std::string& hole);
  /// `filling` is as long as the hole.
  grpc::ByteBuffer fill(const std::string& filling) const;

 private:
  std::vector<grpc::Slice> slices_;
  std::size_t hole_ = 0;  // index in slices_; past the end: none
};

/// Chat completions of a workload's size. Each has a request id and a prompt of its own; prompts share their beginning
/// with those of the same group, as conversations do that share a system prompt.
class Messages {
 public:
  explicit Messages(const Workload& workload);

  grpc::ByteBuffer request_headers(std::uint64_t request) const;
  /// Pieces of at most kPiece body bytes, the size of an HTTP/2 frame.
  std::vector<grpc::ByteBuffer> request_body(std::uint64_t request) const;
  const std::vector<grpc::ByteBuffer>& response() const { return response_; }

  static constexpr std::size_t kPiece = 16384;
  static constexpr unsigned kGroups = 8;
  static constexpr unsigned kEvents = 20;  ///< server-sent events of a response

 private:
  MessageTemplate headers_;
  std::vector<std::vector<MessageTemplate>> bodies_;  // by group
  std::vector<grpc::ByteBuffer> response_;
};

/// What the client must know of a ProcessingResponse.
struct Reply {
  enum class Kind { kOther, kRequestHeaders, kRequestBody, kResponseHeaders, kResponseBody, kImmediate };
  Kind kind = Kind::kOther;
  bool end_of_stream = false;  ///< of a body
};
Reply read_reply(const grpc::ByteBuffer& message);

}  // namespace epp::bench
