// What plugins with unusable answers can do to the EPP: be named. Every request is answered, and the process lives.
#include "hostile/victim.h"
#include "support/metrics_text.h"
#include "support/wait.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::hostile {
namespace {

using ::testing::HasSubstr;
using testing::wait_until;

TEST(HostilePlugin, BrokenLibrariesAreNamedAndLeftOut) {
  const Victim victim("nan-scorer", {.stage = "scorer"});
  const std::string log = victim.epp().process().output();
  EXPECT_THAT(log, HasSubstr("hostile-wrong-major.so"));
  EXPECT_THAT(log, HasSubstr("hostile-unresolved.so\\\": undefined symbol: epp_symbol_that_nobody_has\""));
  EXPECT_TRUE(victim.serves());
  // Nothing has changed since they were read, which the watch finds when it begins.
  EXPECT_EQ(victim.epp().metric("epp_config_generation"), 1);
}

TEST(HostilePlugin, ExceptionOfAScorerCountsAsNoScore) {
  const Victim victim("throwing-scorer", {.stage = "scorer"});
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(victim.serves());
  victim.expect_named("Scorer", "exception");
}

TEST(HostilePlugin, ExceptionBeforeTheRequestLeavesDoesNotHoldIt) {
  const Victim victim("throwing-pre-request");
  EXPECT_TRUE(victim.serves());
  victim.expect_named("PreRequest", "exception");
}

TEST(HostilePlugin, ExceptionAtTheResponseDoesNotHoldIt) {
  const Victim victim("throwing-response-header");
  EXPECT_TRUE(Victim::served(victim.client().complete()));
  victim.expect_named("ResponseReceived", "exception");
}

TEST(HostilePlugin, NanScoresReadAsZero) {
  const Victim victim("nan-scorer", {.stage = "scorer"});
  EXPECT_TRUE(victim.serves());
  victim.expect_named("Scorer", "nan");
}

TEST(HostilePlugin, FilterThatKeepsWhatItWasNotGivenRejects) {
  const Victim victim("wrong-filter", {.stage = "filter"});
  EXPECT_GE(victim.client().ask().status, 400);
  victim.expect_named("Filter", "out_of_range");
}

TEST(HostilePlugin, FilterThatMayBeIgnoredIs) {
  const Victim victim("wrong-filter", {.stage = "filter", .fields = R"(, "onFault": "ignore")"});
  EXPECT_TRUE(victim.serves());
  victim.expect_named("Filter", "out_of_range");
}

TEST(HostilePlugin, PickerThatPicksNobodyIsReplaced) {
  const Victim victim("wrong-picker", {.stage = "picker"});
  EXPECT_TRUE(victim.serves());
  victim.expect_named("Picker", "out_of_range");
}

TEST(HostilePlugin, EndlessErrorsEndInABypass) {
  const Victim victim("failing-scorer", {.stage = "scorer"});
  for (int i = 0; i < 110; ++i)
    ASSERT_TRUE(victim.serves());
  victim.expect_named("Scorer", "error");
  EXPECT_THAT(victim.epp().process().output(), HasSubstr("Plugin bypassed after repeated faults"));
  EXPECT_THAT(victim.state().dump(), HasSubstr("\"bypassed\":true"));
  EXPECT_TRUE(wait_until([&] { return victim.passed_over("Scorer") >= 10; }));
}

TEST(HostilePlugin, StateThatCannotBeDroppedIsNamed) {
  const Victim victim("leaking-scorer", {.stage = "scorer"});
  EXPECT_TRUE(Victim::served(victim.client().complete()));
  victim.expect_named("StateDrop", "exception");
}

TEST(HostilePlugin, SecondCompletionIsLate) {
  const Victim victim("double-producer");
  EXPECT_TRUE(victim.serves());
  victim.expect_named("DataProducer", "late_completion");
}

TEST(HostilePlugin, UndeclaredWritesGoNowhere) {
  const Victim victim("undeclared-producer");
  EXPECT_TRUE(victim.serves());
  victim.expect_named("DataProducer", "scope_write");
}

TEST(HostilePlugin, ProducerThatNeverCompletesIsNotWaitedFor) {
  const Victim victim("silent-producer");
  EXPECT_TRUE(victim.serves());
  victim.expect_named("DataProducer", "timeout");
}

// A gate without any usable reading is closed.
TEST(HostilePlugin, ExceptionOfADetectorCountsAsFull) {
  const Victim victim("throwing-detector", {.stage = "detector"});
  const conformance::Exchange waits = victim.client().begin({}, testing::kPatience);
  victim.expect_named("SaturationDetector", "exception");
  EXPECT_TRUE(wait_until([&] {
    return testing::sample_sum(victim.epp().metrics(), "llm_d_epp_flow_control_queue_size").value_or(0) == 1;
  }));
}

}  // namespace
}  // namespace epp::hostile
