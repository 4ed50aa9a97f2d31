// envoy.service.ext_proc.v3 by hand: ProcessingRequest in, ProcessingResponse out, straight between gRPC's buffers and
// lifecycle's messages, so that a body byte is neither copied into a protobuf string nor out of one.
//
//   ProcessingRequest  { oneof 2 request_headers, 3 response_headers, 4 request_body, 5 response_body,
//                        6 request_trailers, 7 response_trailers; 8 metadata_context }
//   ProcessingResponse { oneof 1 request_headers, 2 response_headers, 3 request_body, 4 response_body,
//                        5 request_trailers, 6 response_trailers, 7 immediate_response; 8 dynamic_metadata }
#pragma once

#include "lifecycle/messages.h"
#include "request/arena.h"

#include <span>
#include <string>
#include <string_view>

namespace epp::extproc {

/// More in one message is refused as malformed: proxies allow a hundred headers, and a tiny message must not become
/// a huge tree.
inline constexpr std::size_t kMaxHeaders = 1024;
inline constexpr std::size_t kMaxMetadataValues = 65536;
inline constexpr unsigned kMaxMetadataDepth = 64;

/// Reads a ProcessingRequest that lies in `pieces`; false if it is malformed. Views in `message` point into the pieces
/// or into `arena`. Unknown fields are skipped. Of several `request` members the last one counts; equal ones are
/// merged. A header's value is its raw_value if that is not empty, else its value.
bool decode_request(std::span<const std::string_view> pieces, request::Arena& arena, lifecycle::Inbound& message);

/// Append a ProcessingResponse. Header values go into raw_value; append, append_action and status stay unset.
void encode(const lifecycle::HeadersReply& reply, std::string& out);
void encode(const lifecycle::TrailersReply& reply, std::string& out);
void encode(const lifecycle::ImmediateReply& reply, std::string& out);

/// A ProcessingResponse with a body is `prefix`, the body's bytes, `suffix`.
struct BodyFrame {
  std::string prefix;
  std::string suffix;
};
BodyFrame encode(const lifecycle::BodyReply& reply);

}  // namespace epp::extproc
