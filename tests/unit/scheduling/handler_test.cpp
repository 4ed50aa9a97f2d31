// Handler turns, and how errors become the answer.
#include "unit/scheduling/scheduler_fixture.h"

namespace epp::scheduling {

using plugins::Fault;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::script;

class HandlerTest : public SchedulerFixture {
 protected:
  HandlerTest() {
    host.endpoint("a");
    host.endpoint("b");
    request.id("req-1");
  }
  // Profiles of these names, each with a picker of its own and nothing else.
  std::vector<ProfileConfig> profiles(std::vector<std::string> names) {
    std::vector<ProfileConfig> result;
    for (const std::string& profile : names)
      result.push_back({profile, {}, {}, first_best("picker-" + profile)});
    return result;
  }
  plugins::InstancePtr handler() { return host.create("scripted-handler", "{}", "handler"); }
  plugins::InstancePtr failing_filter(const std::string& name, std::string text, epp_status status,
                                      std::string reason = {}) {
    script(name).filter = [=](const auto&, const auto&, auto&) { throw sdk::Error(text, status, reason); };
    return host.create("scripted-filter", "{}", name);
  }
};

class SchedulingCheck : public HandlerTest {};
class SchedulingWeakSpot : public HandlerTest {};

TEST_F(SchedulingCheck, C05_AFilterThatRejectsEverything) {
  auto all = profiles({"default"});
  all[0].filters = {filter("none", {})};
  EXPECT_FALSE(schedule(Scheduler(std::move(all), run_all())));
  EXPECT_EQ(error.status, EPP_ERR_RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.message, "no endpoints available for the given request");
  EXPECT_EQ(error.reason, "rejected-saturated");
}

TEST_F(HandlerTest, NothingPickedAtAll) {
  script("handler").pick_profiles = [](const auto&, const auto&, auto) {};
  script("handler").process_profiles = [](const auto&, const auto&, auto) { return 0u; };
  EXPECT_FALSE(schedule(Scheduler(profiles({"default"}), handler())));
  EXPECT_EQ(error.status, EPP_ERR_RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.message, "failed to find target endpoint: failed to run any scheduler profile for request req-1");
  EXPECT_EQ(error.reason, "");
}

TEST_F(HandlerTest, UntypedComplaintOfTheHandler) {
  run_all();
  script("handler").process_profiles = [](const auto&, const auto&, auto) -> uint32_t { throw sdk::Error("odd"); };
  EXPECT_FALSE(schedule(Scheduler(profiles({"default"}), handler())));
  EXPECT_EQ(error.status, EPP_ERR_RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.message, "failed to find target endpoint: odd");
}

TEST_F(HandlerTest, TypedErrorsKeepTheirCode) {
  auto all = profiles({"default"});
  all[0].filters = {failing_filter("f", "who are you", EPP_ERR_FORBIDDEN, "because")};
  EXPECT_FALSE(schedule(Scheduler(std::move(all), run_all())));
  EXPECT_EQ(error.status, EPP_ERR_FORBIDDEN);
  EXPECT_EQ(error.message, "who are you");
  EXPECT_EQ(error.reason, "because");
}

TEST_F(HandlerTest, TheHandlersOwnCodeComesFirst) {
  run_all();
  script("handler").process_profiles = [](const auto&, const auto&, auto) -> uint32_t {
    throw sdk::Error("bad header", EPP_ERR_BAD_REQUEST);
  };
  auto all = profiles({"default"});
  all[0].filters = {filter("none", {})};
  EXPECT_FALSE(schedule(Scheduler(std::move(all), handler())));
  EXPECT_EQ(error.status, EPP_ERR_BAD_REQUEST);
  EXPECT_EQ(error.message, "bad header");
}

TEST_F(HandlerTest, ThenTheProfilesByName) {
  auto all = profiles({"z", "m", "b"});
  all[0].filters = {failing_filter("fz", "z is forbidden", EPP_ERR_FORBIDDEN)};
  all[1].filters = {failing_filter("fm", "m is unavailable", EPP_ERR_UNAVAILABLE)};
  all[2].filters = {failing_filter("fb", "b is plain", EPP_ERR_UNTYPED)};
  EXPECT_FALSE(schedule(Scheduler(std::move(all), run_all())));
  EXPECT_EQ(error.status, EPP_ERR_UNAVAILABLE);
  EXPECT_EQ(error.message, "m is unavailable");
}

TEST_F(HandlerTest, WithoutAnyCodeAllTextsAreJoinedByName) {
  auto all = profiles({"z", "b"});
  all[0].filters = {failing_filter("fz", "z broke", EPP_ERR_UNTYPED)};
  all[1].filters = {failing_filter("fb", "b broke", EPP_ERR_UNTYPED)};
  EXPECT_FALSE(schedule(Scheduler(std::move(all), run_all())));
  EXPECT_EQ(error.status, EPP_ERR_RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.message,
            "failed to find target endpoint: primary profile failed\nprofile \"b\": b broke\nprofile \"z\": z broke");
}

TEST_F(HandlerTest, AProfileErrorIsLostWhenTheHandlerSucceeds) {
  auto all = profiles({"decode", "prefill"});
  all[1].filters = {filter("none", {})};
  ASSERT_TRUE(schedule(Scheduler(std::move(all), run_all())));
  EXPECT_EQ(workspace.results().items[1].state, EPP_PROFILE_FAILED);
  EXPECT_THAT(targets(), ElementsAre("a"));
}

TEST_F(HandlerTest, ARunThatSucceedsErasesTheErrorBefore) {
  int runs = 0;
  script("flaky").filter = [&runs](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    if (runs++ > 0) kept.keep_all(candidates);
  };
  script("handler").pick_profiles = [](const auto&, const sdk::Results& results, std::span<uint32_t> decisions) {
    if (results[0].state != EPP_PROFILE_SUCCEEDED) decisions[0] = EPP_DECIDE_RUN;
  };
  script("handler").process_profiles = [](const auto&, const auto&, auto) -> uint32_t { throw sdk::Error("odd"); };
  auto all = profiles({"one", "two"});
  all[0].filters = {host.create("scripted-filter", "{}", "flaky")};
  EXPECT_FALSE(schedule(Scheduler(std::move(all), handler())));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(error.message, "failed to find target endpoint: odd");
}

TEST_F(HandlerTest, EveryProfileSeesAllCandidates) {
  auto all = profiles({"one", "two"});
  all[0].filters = {filter("only-a", {"a"})};
  ASSERT_TRUE(schedule(Scheduler(std::move(all), run_all())));
  EXPECT_THAT(totals(0), ElementsAre(Pair("a", 0.0)));
  EXPECT_THAT(totals(1), ElementsAre(Pair("a", 0.0), Pair("b", 0.0)));
}

TEST_F(HandlerTest, ResultsOfOneTurnAreSeenInTheNext) {
  std::vector<uint32_t> states;
  script("handler").pick_profiles = [&states](const auto&, const sdk::Results& results, std::span<uint32_t> decisions) {
    states.push_back(results[0].state);
    if (results[0].state == EPP_PROFILE_NOT_RUN) {
      decisions[0] = EPP_DECIDE_RUN;
      decisions[1] = EPP_DECIDE_SKIP;
    }
  };
  script("handler").process_profiles = [](const auto&, const auto&, auto) { return 0u; };
  ASSERT_TRUE(schedule(Scheduler(profiles({"one", "two"}), handler())));
  EXPECT_THAT(states, ElementsAre(EPP_PROFILE_NOT_RUN, EPP_PROFILE_SUCCEEDED));
  EXPECT_EQ(workspace.results().items[1].state, EPP_PROFILE_SKIPPED);
}

TEST_F(SchedulingWeakSpot, W05_TurnsAreCapped) {
  int turns = 0;
  int runs = 0;
  script("count").filter = [&runs](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    ++runs;
    kept.keep_all(candidates);
  };
  script("handler").pick_profiles = [&turns](const auto&, const auto&, std::span<uint32_t> decisions) {
    ++turns;
    decisions[0] = EPP_DECIDE_RUN;
  };
  script("handler").process_profiles = [](const auto&, const auto&, auto) { return 0u; };
  auto all = profiles({"one", "two", "three"});
  all[0].filters = {host.create("scripted-filter", "{}", "count")};
  const auto endless = handler();
  ASSERT_TRUE(schedule(Scheduler(std::move(all), endless)));
  EXPECT_EQ(turns, 4);
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(endless->faults(Fault::kOutOfRange), 1u);
}

TEST_F(SchedulingWeakSpot, W01_APrimaryThatDidNotSucceedIsAnError) {
  run_all();
  script("handler").process_profiles = [](const auto&, const auto&, auto) { return 7u; };
  EXPECT_FALSE(schedule(Scheduler(profiles({"one"}), handler())));
  EXPECT_EQ(error.status, EPP_ERR_RESOURCE_EXHAUSTED);
  EXPECT_THAT(error.message, HasSubstr("named a primary profile that did not succeed"));
}

TEST_F(HandlerTest, ResultsThatAreNotIncludedAreHidden) {
  run_all();
  script("handler").process_profiles = [](const auto&, const auto&, std::span<uint32_t> include) {
    include[1] = 0;
    return 0u;
  };
  ASSERT_TRUE(schedule(Scheduler(profiles({"one", "two"}), handler())));
  EXPECT_EQ(workspace.results().items[0].state, EPP_PROFILE_SUCCEEDED);
  EXPECT_EQ(workspace.results().items[1].state, EPP_PROFILE_NOT_RUN);
  EXPECT_EQ(workspace.results().items[1].target_count, 0u);
}

}  // namespace epp::scheduling
