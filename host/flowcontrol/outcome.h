// How a request leaves the queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace epp::flowcontrol {

// Times are host clock nanoseconds (plugins::clock().now_ns()).
using Nanos = std::uint64_t;
inline constexpr Nanos kNever = UINT64_MAX;
// The end of a span of time; kNever is far enough for those that do not end.
constexpr Nanos later(Nanos begin, Nanos span) {
  return span > kNever - begin ? kNever : begin + span;
}

enum class Outcome : std::uint8_t {
  kNotYetFinalized,
  kDispatched,
  kRejectedCapacity,         // the queue is full
  kRejectedNoEndpoints,      // the queue is full, and the pool empty
  kRejectedOther,            // not queued for another reason (`Cause`)
  kEvictedTtl,               // waited its time
  kEvictedNoEndpoints,       // waited its time while the pool was empty
  kEvictedContextCancelled,  // the client went away
  kEvictedOther,             // taken out for another reason (`Cause`)
};
inline constexpr std::size_t kOutcomeCount = 9;
// As metrics and logs name it: "RejectedCapacity", ...
std::string_view to_string(Outcome outcome);

// What stands behind kRejectedOther and kEvictedOther.
enum class Cause : std::uint8_t {
  kNone,
  kShutdown,   // the dispatcher has been stopped
  kDisplaced,  // gave its place to a request of a higher band
  kInternal,
  kHung,  // a policy does not return, and the queue had held others back
};

struct Verdict {
  Outcome outcome = Outcome::kNotYetFinalized;
  Cause cause = Cause::kNone;
  // Of a queue that refused: how many requests stood before this one in its band.
  std::uint64_t queued_before = 0;
};

}  // namespace epp::flowcontrol
