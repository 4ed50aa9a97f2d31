// The queue as the request path sees it, and what clients are told about each way out of it.
#include "lifecycle/flow_admission.h"

#include "lifecycle/drain_rate.h"
#include "plugins/request_context.h"
#include "unit/flowcontrol/world.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::lifecycle {
namespace {

using flowcontrol::Cause;
using flowcontrol::Outcome;
using request::ErrorCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

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

// A pool with one place, before which requests queue.
struct Asked {
  explicit Asked(FlowAdmission& admission, std::pair<std::string, std::string> header = {}, std::uint64_t ttl_ns = 0) {
    if (!header.first.empty()) context.headers.set(header.first, header.second);
    AdmissionRequest request;
    request.context = &context;
    request.fairness_id = "f";
    request.ttl_ns = ttl_ns;
    answer = admission.admit(request, receiver);
  }
  bool waits() const { return answer.waiting && !told; }

  struct Receiver final : AdmissionReceiver {
    void on_admission(AdmissionOutcome outcome) override { told.emplace(std::move(outcome)); }
    std::optional<AdmissionOutcome> told;
  };

  plugins::RequestContext context;
  std::shared_ptr<Receiver> receiver = std::make_shared<Receiver>();
  const std::optional<AdmissionOutcome>& told = receiver->told;
  Admission::Answer answer;
};

struct FlowAdmissionTest : ::testing::Test {
  flowcontrol::testing::World world;
};
struct FlowControlWeakSpot : FlowAdmissionTest {};

TEST_F(FlowAdmissionTest, TicketsAreHeldUntilARequestHasEnded) {
  FlowAdmission admission(world.dispatcher());
  std::optional<Asked> first(std::in_place, admission);
  EXPECT_FALSE(first->answer.waiting);
  EXPECT_FALSE(first->answer.outcome);
  ASSERT_TRUE(first->answer.ticket);
  Asked second(admission);
  std::optional<Asked> third(std::in_place, admission);
  EXPECT_TRUE(second.waits());
  third.reset();
  EXPECT_EQ(world.dispatcher().view().length, 1u) << "withdrawn";
  first.reset();
  ASSERT_TRUE(second.told);
  EXPECT_FALSE(*second.told) << "admitted";
}

TEST_F(FlowControlWeakSpot, W26_RefusalsMaySayWhenToComeBack) {
  world.options.bands[0].max_requests = 1;
  FlowAdmission plain(world.dispatcher());
  FlowAdmission helpful(world.dispatcher(), {.retry_after = true, .queue_position = true});
  Asked running(helpful);
  Asked waiting(helpful);
  Asked refused(plain);
  ASSERT_TRUE(refused.answer.outcome);
  EXPECT_THAT(refused.answer.outcome->headers, IsEmpty()) << "upstream's answer";
  Asked told(helpful);
  ASSERT_TRUE(told.answer.outcome);
  EXPECT_EQ(told.answer.outcome->error.drop_reason, "rejected-saturated");
  EXPECT_THAT(told.answer.outcome->headers, ElementsAre(Pair("retry-after", "20"), Pair("x-epp-queue-position", "1")))
      << "two requests at one in ten seconds";
}

TEST_F(FlowControlWeakSpot, W12_HeadersMayShortenTheWait) {
  constexpr auto kMs = flowcontrol::testing::kMillisecond;
  FlowAdmission plain(world.dispatcher());
  FlowAdmission deadlines(world.dispatcher(), {.request_deadlines = true});
  Asked running(plain);
  Asked ignored(plain, {"x-llm-d-request-ttl-ms", "50"});
  Asked ttl(deadlines, {"x-llm-d-request-ttl-ms", "50"});
  Asked slo(deadlines, {"x-slo-ttft-ms", "70"});
  Asked word(deadlines, {"x-llm-d-request-ttl-ms", "soon"});
  Asked stream(deadlines, {"x-llm-d-request-ttl-ms", "90"}, 60 * kMs);
  world.advance(49 * kMs);
  EXPECT_TRUE(ttl.waits());
  world.advance(kMs);
  ASSERT_TRUE(ttl.told);
  EXPECT_EQ((*ttl.told)->error.drop_reason, "rejected-ttl-expired");
  EXPECT_TRUE(stream.waits());
  world.advance(10 * kMs);
  EXPECT_FALSE(stream.waits()) << "the shorter of both";
  EXPECT_TRUE(slo.waits());
  world.advance(10 * kMs);
  EXPECT_FALSE(slo.waits());
  EXPECT_TRUE(ignored.waits());
  EXPECT_TRUE(word.waits());
}

TEST_F(FlowControlWeakSpot, W04_OnlyWhatStillWaitsAtTheEndIsToldOfTheShutdown) {
  FlowAdmission admission(world.dispatcher());
  Asked running(admission);
  Asked waiting(admission);
  world.dispatcher().stop();
  ASSERT_TRUE(waiting.told);
  EXPECT_EQ((*waiting.told)->error.drop_reason, "rejected-shutting-down");
  Asked late(admission);
  EXPECT_EQ(late.answer.outcome->error.message,
            "flow controller shutting down: request rejected pre-queue: flow controller is not running");
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
