// W3C Trace Context and Baggage: the identity of a span as it travels in HTTP headers.
// traceparent: 00-<32 hex trace id>-<16 hex span id>-<2 hex flags>, lower case. Parsers are strict and take any bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::telemetry {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct SpanContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = false;
  bool remote = false;
  std::string trace_state;  ///< the tracestate header, empty if absent

  bool valid() const { return trace_id != TraceId{} && span_id != SpanId{}; }
};

/// What a request's headers say about tracing. `baggage` is passed on as it came.
struct IncomingTrace {
  SpanContext parent;  ///< invalid when there is no (usable) traceparent
  std::string baggage;
};

std::optional<SpanContext> parse_traceparent(std::string_view header);
/// At most 32 members and 512 bytes, no key twice.
bool is_valid_tracestate(std::string_view header);
/// At most 64 members and 8192 bytes.
bool is_valid_baggage(std::string_view header);

/// The three header values (empty when absent) together: a malformed traceparent discards tracestate too; a malformed
/// tracestate or baggage is dropped alone.
IncomingTrace extract_trace(std::string_view traceparent, std::string_view tracestate, std::string_view baggage);

/// The traceparent header of a valid context.
std::string format_traceparent(const SpanContext& context);

/// Random non-zero ids from a per-thread generator that is seeded by the kernel. [any thread]
TraceId random_trace_id();
SpanId random_span_id();

}  // namespace epp::telemetry
