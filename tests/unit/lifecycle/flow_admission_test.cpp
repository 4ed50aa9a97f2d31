// What clients are told about each way out of the queue.
#include "lifecycle/flow_admission.h"

#include "lifecycle/drain_rate.h"

#include <gtest/gtest.h>

namespace epp::lifecycle {
namespace {

using flowcontrol::Cause;
using flowcontrol::Outcome;
using request::ErrorCode;

struct Told {
  Outcome outcome;
  Cause cause;
  bool pool_empty;
  ErrorCode code;
  const char* message;
  const char* reason;
};

TEST(FlowControlCheck, TextsOfRefusals) {
  const Told cases[] = {
      {Outcome::kRejectedCapacity, Cause::kNone, false, ErrorCode::kResourceExhausted,
       "request rejected pre-queue: queue at capacity", "rejected-saturated"},
      {Outcome::kRejectedNoEndpoints, Cause::kNone, true, ErrorCode::kServiceUnavailable,
       "no endpoints available: request rejected pre-queue: no endpoints available", "rejected-no-endpoints"},
      {Outcome::kEvictedTtl, Cause::kNone, false, ErrorCode::kResourceExhausted,
       "request timed out in queue: request evicted from queue: request TTL expired", "rejected-ttl-expired"},
      {Outcome::kEvictedTtl, Cause::kNone, true, ErrorCode::kServiceUnavailable,
       "request timed out in queue and no endpoints are available: request evicted from queue: request TTL expired",
       "rejected-no-endpoints"},
      {Outcome::kEvictedNoEndpoints, Cause::kNone, true, ErrorCode::kServiceUnavailable,
       "request timed out in queue and no endpoints are available: request evicted from queue: request TTL expired: no "
       "endpoints available",
       "rejected-no-endpoints"},
      {Outcome::kEvictedContextCancelled, Cause::kNone, false, ErrorCode::kServiceUnavailable,
       "client disconnected: request evicted from queue: request context cancelled: context canceled",
       "rejected-context-cancelled"},
      {Outcome::kEvictedOther, Cause::kShutdown, false, ErrorCode::kServiceUnavailable,
       "flow controller shutting down: request evicted from queue: flow controller is not running",
       "rejected-shutting-down"},
      {Outcome::kRejectedOther, Cause::kShutdown, false, ErrorCode::kServiceUnavailable,
       "flow controller shutting down: request rejected pre-queue: flow controller is not running",
       "rejected-shutting-down"},
      {Outcome::kEvictedOther, Cause::kDisplaced, false, ErrorCode::kResourceExhausted,
       "request evicted from queue: displaced by a request of a higher priority", "rejected-saturated"},
      {Outcome::kRejectedOther, Cause::kInternal, false, ErrorCode::kInternal,
       "internal flow control error: request rejected pre-queue: internal error", ""},
      {Outcome::kNotYetFinalized, Cause::kNone, false, ErrorCode::kInternal,
       "unhandled flow control outcome: request rejected by flow control", ""},
  };
  for (const Told& told : cases) {
    const request::Error error = refusal_of({.outcome = told.outcome, .cause = told.cause}, told.pool_empty);
    EXPECT_EQ(error.code, told.code) << told.message;
    EXPECT_EQ(error.message, told.message);
    EXPECT_EQ(error.drop_reason, told.reason) << told.message;
  }
}

TEST(DrainRate, ForgetsWhatIsLongAgo) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  DrainRate rate;
  EXPECT_EQ(rate.per_second(kSecond), 0);
  for (std::uint64_t i = 0; i < 1000; ++i)
    rate.departed(kSecond + i * kSecond / 10);
  EXPECT_NEAR(rate.per_second(101 * kSecond), 10, 0.2);
  EXPECT_LT(rate.per_second(161 * kSecond), 0.1);
  rate.departed(kSecond);
  EXPECT_GE(rate.per_second(kSecond), 0) << "a clock reading that comes late does no harm";
}

}  // namespace
}  // namespace epp::lifecycle
