#include "kube/election/lease_core.h"

#include "kube/election/lease_record.h"

#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = LeaseStep::Kind;
using Outcome = LeaseOutcome::Kind;

const std::string kMe = "me_1";
const std::string kOther = "other_2";

// A candidate and the clock of its host.
class LeaseCoreTest : public ::testing::Test {
 protected:
  static ElectionOptions options() {
    ElectionOptions result;
    result.name_space = "ns";
    result.lease_name = "epp-ns-pool.llm-d.ai";
    result.identity = kMe;
    return result;
  }

  LeaseClock clock() const {
    return {.now = LeaseCore::TimePoint(now), .wall = std::chrono::system_clock::time_point(wall + now)};
  }
  LeaseStep wake() { return core.wake(clock()); }
  LeaseStep found(Lease record) { return core.on_outcome({Outcome::kDone, std::move(record)}, clock()); }
  LeaseStep outcome(Outcome kind) { return core.on_outcome({.kind = kind}, clock()); }
  // What the server answers to a write.
  LeaseStep accept(const LeaseStep& step) {
    Lease record = step.record;
    record.meta.resource_version = std::to_string(++version);
    return found(std::move(record));
  }
  static Lease held_by(const std::string& holder, std::int32_t duration = 15, const std::string& renewed = "r0") {
    Lease lease;
    lease.meta.resource_version = "7";
    lease.holder = holder;
    lease.duration_seconds = duration;
    lease.acquire_time = "a0";
    lease.renew_time = renewed;
    lease.transitions = 3;
    return lease;
  }
  void lead() {
    wake();
    accept(outcome(Outcome::kMissing));
    ASSERT_TRUE(core.leading(clock().now));
  }

  milliseconds now{1'000'000};
  seconds wall{1'700'000'000};
  int version = 10;
  double random = 0;
  LeaseCore core{options(), [this] { return random; }};
};

TEST_F(LeaseCoreTest, TheFirstOneMakesTheLease) {
  EXPECT_EQ(wake().kind, Kind::kGet);
  const LeaseStep create = outcome(Outcome::kMissing);
  EXPECT_EQ(create.kind, Kind::kCreate);
  EXPECT_EQ(create.record.holder, kMe);
  EXPECT_EQ(create.record.duration_seconds, 15);
  EXPECT_EQ(create.record.transitions, 0);
  EXPECT_EQ(create.record.acquire_time, create.record.renew_time);
  EXPECT_FALSE(core.leading(clock().now)) << "not before the server said so";
  const LeaseStep wait = accept(create);
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_EQ(wait.wait, seconds(2));
  EXPECT_TRUE(core.leading(clock().now));
  EXPECT_EQ(core.holder(), kMe);
}

TEST_F(LeaseCoreTest, ALeaderRenewsWithoutLooking) {
  lead();
  const std::string acquired = micro_time(clock().wall);
  now += seconds(2);
  const LeaseStep renew = wake();
  EXPECT_EQ(renew.kind, Kind::kUpdate);
  EXPECT_EQ(renew.record.meta.resource_version, "11");
  EXPECT_EQ(renew.record.acquire_time, acquired);
  EXPECT_EQ(renew.record.renew_time, micro_time(clock().wall));
  EXPECT_EQ(renew.record.transitions, 0);
  EXPECT_EQ(accept(renew).wait, seconds(2));
}

TEST_F(LeaseCoreTest, FollowersLookAtDifferentTimes) {
  for (const auto& [drawn, wait] : std::vector<std::pair<double, milliseconds>>{
           {0.0, milliseconds(2000)}, {0.5, milliseconds(3200)}, {1.0, milliseconds(4400)}}) {
    random = drawn;
    wake();
    const LeaseStep step = found(held_by(kOther));
    EXPECT_EQ(step.kind, Kind::kWait);
    EXPECT_EQ(step.wait, wait);
  }
  EXPECT_EQ(core.holder(), kOther);
}

TEST_F(LeaseCoreTest, ALeaseRunsOutOnOurClockFromItsLastChange) {
  wake();
  found(held_by(kOther, 15, "r0"));
  now += seconds(14);
  wake();
  EXPECT_EQ(found(held_by(kOther, 15, "r1")).kind, Kind::kWait) << "renewed";
  now += milliseconds(14'999);
  wake();
  EXPECT_EQ(found(held_by(kOther, 15, "r1")).kind, Kind::kWait);
  now += milliseconds(1);
  wake();
  const LeaseStep claim = found(held_by(kOther, 15, "r1"));
  EXPECT_EQ(claim.kind, Kind::kUpdate);
  EXPECT_EQ(claim.record.holder, kMe);
  EXPECT_EQ(claim.record.transitions, 4);
  EXPECT_EQ(claim.record.acquire_time, micro_time(clock().wall));
}

TEST_F(LeaseCoreTest, ForeignWallClocksMeanNothing) {
  for (const char* renewed : {"1999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", ""}) {
    LeaseCore fresh(options(), [] { return 0.0; });
    fresh.wake(clock());
    EXPECT_EQ(fresh.on_outcome({Outcome::kDone, held_by(kOther, 15, renewed)}, clock()).kind, Kind::kWait) << renewed;
    now += seconds(15);
    fresh.wake(clock());
    EXPECT_EQ(fresh.on_outcome({Outcome::kDone, held_by(kOther, 15, renewed)}, clock()).kind, Kind::kUpdate) << renewed;
  }
}

TEST_F(LeaseCoreTest, ALeaseWithoutDurationLastsAsLongAsOurs) {
  wake();
  EXPECT_EQ(found(held_by(kOther, 0)).kind, Kind::kWait);
  now += seconds(15);
  wake();
  EXPECT_EQ(found(held_by(kOther, 0)).kind, Kind::kUpdate);
}

TEST_F(LeaseCoreTest, AReleasedLeaseIsTakenAtOnce) {
  wake();
  EXPECT_EQ(found(held_by("", 1)).kind, Kind::kUpdate);
}

TEST_F(LeaseCoreTest, OurOwnRecordIsTakenUpAgain) {
  // The answer to a write was lost, the write was not.
  wake();
  const LeaseStep claim = found(held_by(kMe));
  EXPECT_EQ(claim.kind, Kind::kUpdate);
  EXPECT_EQ(claim.record.acquire_time, "a0");
  EXPECT_EQ(claim.record.transitions, 3);
}

TEST_F(LeaseCoreTest, AFollowerThatIsTooSlowWaits) {
  wake();
  EXPECT_EQ(found(held_by("", 1)).kind, Kind::kUpdate);
  EXPECT_EQ(outcome(Outcome::kConflict).kind, Kind::kWait);
  EXPECT_FALSE(core.leading(clock().now));
  EXPECT_EQ(wake().kind, Kind::kGet);
}

TEST_F(LeaseCoreTest, ALeaderLooksAtAConflictAtOnce) {
  lead();
  now += seconds(2);
  wake();
  EXPECT_EQ(outcome(Outcome::kConflict).kind, Kind::kGet);
  const LeaseStep again = found(held_by(kMe));
  EXPECT_EQ(again.kind, Kind::kUpdate);
  EXPECT_EQ(again.record.meta.resource_version, "7");
  accept(again);
  EXPECT_TRUE(core.leading(clock().now));
}

TEST_F(LeaseCoreTest, ConflictsWithoutEndAreNotChased) {
  lead();
  wake();
  unsigned looks = 0;
  while (outcome(Outcome::kConflict).kind == Kind::kGet) {
    ASSERT_LT(++looks, 10U);
    found(held_by(kMe));
  }
  EXPECT_GT(looks, 0U);
}

TEST_F(LeaseCoreTest, ALeaderWhoseLeaseWasTakenHasLost) {
  lead();
  wake();
  outcome(Outcome::kConflict);
  EXPECT_EQ(found(held_by(kOther)).kind, Kind::kWait);
  EXPECT_FALSE(core.leading(clock().now));
  EXPECT_EQ(core.holder(), kOther);
}

TEST_F(LeaseCoreTest, ALeaderThatCannotRenewLosesAfterTheDeadline) {
  lead();
  const auto sent = now;
  for (const int second : {2, 4, 6, 8}) {
    now = sent + seconds(second);
    EXPECT_EQ(wake().kind, Kind::kUpdate);
    EXPECT_EQ(outcome(Outcome::kFailed).kind, Kind::kWait);
    EXPECT_TRUE(core.leading(clock().now));
  }
  now = sent + milliseconds(9'999);
  EXPECT_TRUE(core.leading(clock().now));
  now = sent + seconds(10);
  EXPECT_FALSE(core.leading(clock().now));
}

TEST_F(LeaseCoreTest, ARenewalCountsFromItsSending) {
  lead();
  now += seconds(2);
  const auto sent = now;
  const LeaseStep renew = wake();
  now += seconds(4);
  accept(renew);
  EXPECT_EQ(*core.leads_until(), LeaseCore::TimePoint(sent + seconds(10)));
}

TEST_F(LeaseCoreTest, ADeletedLeaseIsMadeAnew) {
  lead();
  wake();
  EXPECT_EQ(outcome(Outcome::kMissing).kind, Kind::kCreate);
  EXPECT_EQ(outcome(Outcome::kMissing).kind, Kind::kWait) << "the namespace is not there";
}

TEST_F(LeaseCoreTest, ALeaderGivesItsLeaseBack) {
  lead();
  now += seconds(1);
  const auto step = core.release(clock());
  ASSERT_TRUE(step);
  EXPECT_FALSE(core.leading(clock().now));
  EXPECT_EQ(step->kind, Kind::kUpdate);
  EXPECT_EQ(step->record.holder, "");
  EXPECT_EQ(step->record.duration_seconds, 1);
  EXPECT_EQ(step->record.acquire_time, micro_time(clock().wall));
  EXPECT_EQ(step->record.renew_time, micro_time(clock().wall));
  EXPECT_EQ(step->record.transitions, 0);
  EXPECT_EQ(accept(*step).kind, Kind::kEnd);
}

TEST_F(LeaseCoreTest, AReleaseWaitsForTheRenewalUnderWay) {
  lead();
  const LeaseStep renew = wake();
  EXPECT_FALSE(core.release(clock()));
  const LeaseStep step = accept(renew);
  EXPECT_EQ(step.kind, Kind::kUpdate);
  EXPECT_EQ(step.record.holder, "");
  EXPECT_EQ(step.record.meta.resource_version, "12");
  EXPECT_FALSE(core.leading(clock().now));
}

TEST_F(LeaseCoreTest, AFollowerHasNothingToRelease) {
  wake();
  found(held_by(kOther));
  EXPECT_EQ(core.release(clock())->kind, Kind::kEnd);
}

TEST_F(LeaseCoreTest, AReleaseThatFailsIsLeftToTime) {
  lead();
  core.release(clock());
  EXPECT_EQ(outcome(Outcome::kFailed).kind, Kind::kEnd);
}

TEST_F(LeaseCoreTest, TransitionsDoNotOverflow) {
  Lease record = held_by("", 1);
  record.transitions = std::numeric_limits<std::int32_t>::max();
  wake();
  EXPECT_EQ(found(record).record.transitions, record.transitions);
}

TEST(LeaseRecord, SixDigits) {
  using std::chrono::system_clock;
  const auto at = [](std::int64_t micros) {
    return micro_time(system_clock::time_point(std::chrono::microseconds(micros)));
  };
  EXPECT_EQ(at(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(at(1'735'787'045'000'678), "2025-01-02T03:04:05.000678Z");
  EXPECT_EQ(at(1'735'787'045'999'999), "2025-01-02T03:04:05.999999Z");
  EXPECT_EQ(at(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(LeaseRecord, WhatIsNotOfTheElectionStays) {
  const Json base = Json::parse(R"({"kind":"Lease","metadata":{"name":"l","namespace":"ns","resourceVersion":"5",
    "labels":{"a":"b"}},"spec":{"holderIdentity":"x","strategy":"s"}})");
  Lease record;
  record.holder = "me";
  record.duration_seconds = 15;
  const Json body = Json::parse(lease_body(record, "ns", "l", base));
  EXPECT_EQ(body["metadata"]["labels"]["a"], "b");
  EXPECT_EQ(body["metadata"]["resourceVersion"], "5");
  EXPECT_EQ(body["spec"]["strategy"], "s");
  EXPECT_EQ(body["spec"]["holderIdentity"], "me");
  EXPECT_EQ(body["spec"]["leaseDurationSeconds"], 15);
}

}  // namespace
}  // namespace epp::kube
