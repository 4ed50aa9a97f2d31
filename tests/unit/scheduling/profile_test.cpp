// One profile: filters, weighted scores, picking.
#include "unit/scheduling/scheduler_fixture.h"

#include <cmath>
#include <limits>

namespace epp::scheduling {

using plugins::Fault;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pair;
using testing::script;
using ::testing::UnorderedElementsAre;

class ProfileTest : public SchedulerFixture {
 protected:
  ProfileTest() {
    for (const char* endpoint : {"p1", "p2", "p3"})
      host.endpoint(endpoint);
  }
  // Scores of the worked example: KV-cache utilization, queue, prefix cache, LoRA affinity.
  std::vector<WeightedScorer> example(double kv, double queue, double prefix, double lora) {
    return {{scorer("kv", {{"p1", 0.8}, {"p2", 0.8}, {"p3", 0.2}}), kv},
            {scorer("queue", {{"p1", 1.0}, {"p2", 1.0}, {"p3", 0.0}}), queue},
            {scorer("prefix", {}), prefix},
            {scorer("lora", {{"p1", 0.0}, {"p2", 1.0}, {"p3", 0.8}}), lora}};
  }
  Scheduler with(std::vector<plugins::InstancePtr> filters, std::vector<WeightedScorer> scorers,
                 plugins::InstancePtr picker) {
    std::vector<ProfileConfig> profiles;
    profiles.push_back({"default", std::move(filters), std::move(scorers), std::move(picker)});
    return Scheduler(std::move(profiles), run_all());
  }
  static auto near(double value) { return DoubleNear(value, 1e-12); }
};

class ProfileWeakSpot : public ProfileTest {};

TEST_F(ProfileTest, WorkedExampleAtWeightOne) {
  ASSERT_TRUE(schedule(with({}, example(1, 1, 1, 1), first_best()))) << error.message;
  EXPECT_THAT(totals(), ElementsAre(Pair("p1", near(1.8)), Pair("p2", near(2.8)), Pair("p3", near(1.0))));
  EXPECT_THAT(targets(), ElementsAre("p2"));
}

TEST_F(ProfileTest, WorkedExampleWithWeights) {
  ASSERT_TRUE(schedule(with({}, example(2, 1, 1, 0.5), first_best())));
  EXPECT_THAT(totals(), ElementsAre(Pair("p1", near(2.6)), Pair("p2", near(3.1)), Pair("p3", near(0.8))));
}

TEST_F(ProfileTest, ScoresAreClampedBeforeWeighting) {
  const auto wild = scorer("wild", {{"p1", 7.0}, {"p2", -3.0}, {"p3", std::numeric_limits<double>::infinity()}});
  ASSERT_TRUE(schedule(with({}, {{wild, 3.0}}, first_best())));
  EXPECT_THAT(totals(), ElementsAre(Pair("p1", 3.0), Pair("p2", 0.0), Pair("p3", 3.0)));
  EXPECT_EQ(wild->faults(Fault::kOutOfRange), 0u);
}

TEST_F(ProfileTest, NegativeWeightsAreTakenAsTheyAre) {
  ASSERT_TRUE(schedule(with({}, {{scorer("s", {{"p1", 1.0}, {"p2", 0.5}}), -1.0}}, first_best())));
  EXPECT_THAT(totals(), ElementsAre(Pair("p1", -1.0), Pair("p2", -0.5), Pair("p3", 0.0)));
  EXPECT_THAT(targets(), ElementsAre("p3"));
}

TEST_F(ProfileWeakSpot, W04_NaNScoresCountAsZero) {
  const auto nan = scorer("nan", {{"p1", std::nan("")}, {"p2", 0.5}});
  ASSERT_TRUE(schedule(with({}, {{nan, 1.0}}, first_best())));
  EXPECT_THAT(totals(), ElementsAre(Pair("p1", 0.0), Pair("p2", 0.5), Pair("p3", 0.0)));
  EXPECT_THAT(targets(), ElementsAre("p2"));
  EXPECT_EQ(nan->faults(Fault::kNotANumber), 1u);
}

TEST_F(ProfileWeakSpot, W01_AThrowingScorerCountsAsZero) {
  script("bad").score = [](const auto&, const auto&, std::span<double> scores) {
    scores[0] = 1.0;
    throw std::runtime_error("no model");
  };
  const auto bad = host.create("scripted-scorer", "{}", "bad");
  const auto good = scorer("good", {{"p3", 0.1}});
  ASSERT_TRUE(schedule(with({}, {{bad, 1.0}, {good, 1.0}}, first_best())));
  EXPECT_THAT(targets(), ElementsAre("p3"));
  EXPECT_EQ(bad->faults(Fault::kError), 1u);
}

TEST_F(ProfileTest, FiltersRunInOrderOnWhatIsLeft) {
  std::vector<std::string> seen;
  script("second").filter = [&seen](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    for (uint32_t i = 0; i < candidates.size(); ++i)
      seen.emplace_back(sdk::view(candidates.endpoint(i).name));
    kept.keep(candidates.slot(1));
  };
  const auto first = filter("first", {"p1", "p3"});
  ASSERT_TRUE(schedule(with({first, host.create("scripted-filter", "{}", "second")}, {}, first_best())));
  EXPECT_THAT(seen, ElementsAre("p1", "p3"));
  EXPECT_THAT(totals(), ElementsAre(Pair("p3", 0.0)));
}

TEST_F(ProfileTest, NoFilterRunsOnAnEmptyList) {
  bool called = false;
  script("late").filter = [&called](const auto&, const auto&, auto&) { called = true; };
  const auto none = filter("none", {});
  EXPECT_FALSE(schedule(with({none, host.create("scripted-filter", "{}", "late")}, {}, first_best())));
  EXPECT_FALSE(called);
}

TEST_F(ProfileTest, AFilterThatInventsEndpointsIsRefused) {
  script("inventor").filter = [](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    kept.keep(candidates.slot(0));
    kept.keep(candidates.slot(0));
  };
  const auto inventor = host.create("scripted-filter", "{}", "inventor");
  EXPECT_FALSE(schedule(with({inventor}, {}, first_best())));
  EXPECT_EQ(inventor->faults(Fault::kOutOfRange), 1u);
  EXPECT_EQ(error.message,
            "failed to find target endpoint: primary profile failed\nprofile \"default\": kept endpoints that it was "
            "not given");
}

TEST_F(ProfileTest, AFilterMayReorder) {
  script("reverse").filter = [](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    for (uint32_t i = candidates.size(); i-- > 0;)
      kept.keep(candidates.slot(i));
  };
  ASSERT_TRUE(schedule(with({host.create("scripted-filter", "{}", "reverse")}, {}, first_best())));
  EXPECT_THAT(targets(), ElementsAre("p3"));
}

struct BadPick {
  const char* name;
  std::vector<uint32_t> positions;
};
class PickerFault : public ProfileTest, public ::testing::WithParamInterface<BadPick> {};

TEST_P(PickerFault, IsReplacedByTheMaximum) {
  script("bad").pick = [](const auto&, const auto&, auto, sdk::Picks& picks) {
    for (const uint32_t position : GetParam().positions)
      picks.add(position);
  };
  const auto bad = host.create("scripted-picker", "{}", "bad");
  ASSERT_TRUE(schedule(with({}, {{scorer("s", {{"p2", 1.0}}), 1.0}}, bad)));
  EXPECT_THAT(targets(), ElementsAre("p2"));
  EXPECT_EQ(bad->faults(Fault::kOutOfRange), 1u);
}

INSTANTIATE_TEST_SUITE_P(Answers, PickerFault,
                         ::testing::Values(BadPick{"nothing", {}}, BadPick{"out_of_range", {3}},
                                           BadPick{"repeated", {0, 0}}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_F(ProfileWeakSpot, W03_HostTiesAreSeedable) {
  const Scheduler scheduler = with({}, {}, nullptr);
  std::map<std::string, int> counts;
  std::vector<std::string> first_run;
  for (int run = 0; run < 2; ++run) {
    Workspace seeded(42);
    std::vector<std::string> picks;
    for (int i = 0; i < 3000; ++i) {
      const epp_candidates candidates = host.stage(request);
      ASSERT_TRUE(scheduler.schedule(request.context(), candidates, seeded, error));
      picks.push_back(name(seeded.targets()[0]));
      ++counts[picks.back()];
    }
    if (run == 0) first_run = picks;
    EXPECT_EQ(picks, first_run);
  }
  for (const auto& [endpoint, count] : counts)
    EXPECT_THAT(count, ::testing::AllOf(::testing::Ge(1680), ::testing::Le(2340))) << endpoint;
}

TEST_F(ProfileTest, AFilterIsBypassedAfterFaultsInARow) {
  int calls = 0;
  script("bad").filter = [&calls](const auto&, const auto&, auto&) {
    ++calls;
    throw std::runtime_error("boom");
  };
  const auto bad = host.create("scripted-filter", "{}", "bad");
  const Scheduler scheduler = with({bad}, {}, first_best());
  for (uint32_t i = 0; i < plugins::kBypassAfterFaults + 5; ++i)
    EXPECT_FALSE(schedule(scheduler));
  EXPECT_EQ(calls, static_cast<int>(plugins::kBypassAfterFaults));
  EXPECT_TRUE(bad->bypassed());
  EXPECT_EQ(bad->faults(Fault::kBypassed), 1u);
}

}  // namespace epp::scheduling
